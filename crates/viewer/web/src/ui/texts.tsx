/** The text of a thing, part by part, cut to a few lines until a person asks for all of it. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Text, TextPart, Thing } from "../api";
import { hasEscapes } from "../pure/ansi";
import { bytes, words } from "../pure/format";
import { firstLines, oneLine } from "../pure/text";
import { Code } from "./code";
import { usePage, useText } from "./page";
import { Styled } from "./styled";
import { Terminal } from "./terminal";

/** How much of one part is fetched when all of it is asked for. */
const WHOLE = 1_048_576;
/** What is drawn of one part; a page of text is no place for more. */
const DRAWN = 200_000;
/** About how many characters a line of a text holds, for texts without line ends. */
const LINE = 110;

export type TextLook = "prose" | "code" | "output";

export function ThingText(props: { readonly of: Thing; readonly look: TextLook; readonly lines: number; readonly only?: (part: TextPart) => boolean }): JSX.Element {
  const { of, look, lines, only } = props;
  const { texts } = usePage();
  const text = useText(of);
  const [all, setAll] = useState<Text | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  if (text === null) {
    const error = texts.error(of);
    return <div class={`text ${look} pending`}>{error === null ? "…" : `The text cannot be shown: ${error}`}</div>;
  }
  const parts = (all ?? text).parts.filter(only ?? (() => true));
  if (parts.every((part) => part.bytes === 0 && part.image === null)) {
    return <div class={`text ${look} empty`}>{look === "output" ? "empty output" : "no text"}</div>;
  }
  const showAll = () => {
    texts.whole(of, WHOLE).then(setAll, (error: unknown) => setProblem(String(error)));
  };
  const cut = all === null ? parts.map((part) => firstLines(part.text, lines, lines * LINE)) : null;
  const more = cut !== null && parts.some((part, at) => cut[at]!.more || part.text.length > 0 && isCut(part));
  const size = parts.reduce((sum, part) => sum + (part.kind === "sealed" ? 0 : part.bytes), 0);
  return (
    <div class={`text ${look}`}>
      {parts.map((part, at) => (
        <Part part={part} look={look} text={cut === null ? part.text.slice(0, DRAWN) : cut[at]!.head} key={at} />
      ))}
      {more ? (
        <button type="button" class="more" onClick={showAll}>
          show all {bytes(size)}
        </button>
      ) : null}
      {all !== null && parts.some((part) => isCut(part) || part.text.length > DRAWN) ? (
        <p class="hint">The first {bytes(Math.min(DRAWN, WHOLE))} of each part are shown; the payload holds the rest.</p>
      ) : null}
      {problem === null ? null : <p class="hint">{problem}</p>}
    </div>
  );
}

const encoder = new TextEncoder();

function isCut(part: TextPart): boolean {
  return part.kind !== "sealed" && part.text.length < part.bytes && part.from + encoder.encode(part.text).length < part.bytes;
}

function Part({ part, look, text }: { readonly part: TextPart; readonly look: TextLook; readonly text: string }): JSX.Element | null {
  if (part.kind === "sealed") {
    return <p class="sealed">sealed: {bytes(part.bytes)} that only the provider can read</p>;
  }
  if (part.image !== null && part.payload !== null) {
    return <Picture part={part} />;
  }
  if (part.kind === "other") {
    return <p class="sealed">{words(oneLine(part.label ?? "other content", 60))}, {bytes(part.bytes)}</p>;
  }
  if (look === "output" || hasEscapes(text) && part.kind !== "text") {
    return <pre><Terminal text={text} /></pre>;
  }
  return (
    <>
      {part.kind === "summary" ? <p class="part-head">summary</p> : null}
      {look === "prose" ? <p class="prose-text"><Styled text={text} /></p> : <pre><Code text={text} {...(part.kind === "json" ? { language: "json" } : {})} /></pre>}
    </>
  );
}

/** A raster image by an address that lives as long as it is shown. */
function Picture({ part }: { readonly part: TextPart }): JSX.Element {
  const { source } = usePage();
  const [address, setAddress] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let url: string | null = null;
    let gone = false;
    source.image(part.payload!, part.image!).then(
      (blob) => {
        if (!gone && /^image\/(png|jpeg|gif|webp)$/.test(blob.type)) {
          url = URL.createObjectURL(blob);
          setAddress(url);
        }
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
      if (url !== null) {
        URL.revokeObjectURL(url);
      }
    };
  }, [part.payload, part.image]);
  if (address === null) {
    return <p class="sealed">{problem === null ? `image, ${bytes(part.bytes)}` : `The image cannot be shown: ${problem}.`}</p>;
  }
  return <img class="picture" src={address} alt={`image, ${bytes(part.bytes)}`} />;
}
