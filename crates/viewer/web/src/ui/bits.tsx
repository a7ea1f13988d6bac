/** Small parts that many views share. */
import type { ComponentChildren, JSX } from "preact";
import type { Thing } from "../api";
import { wordsOf } from "../data/names";
import { AGENT, CALL, CELL, COMPACTION, EDGE, ITEM, OPERATION, REQUEST, TERMINAL, TURN, type Trace } from "../data/trace";
import { type Tab, writeAddress } from "../pure/address";
import { CLASSES, type PartClass } from "../pure/palette";
import { oneLine, textParts } from "../pure/text";
import { hrefOf, sameThing, usePage } from "./page";

/** Text of a bundle: as written, with characters that would act as marks. */
export function Plain({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {textParts(text).map((part) => (part.mark ? <span class="mark">{part.text}</span> : part.text))}
    </>
  );
}

/** The letter of who made something. */
export function Letter({ of }: { readonly of: PartClass }): JSX.Element {
  const { letter, word } = CLASSES[of];
  return (
    <span class={`letter of-${of}`} role="img" aria-label={word} title={word}>
      {letter}
    </span>
  );
}

export function Swatch({ of }: { readonly of: PartClass }): JSX.Element {
  return <span class={`swatch of-${of}`} aria-hidden="true" />;
}

/** A link to a thing, with its name unless other words are given. */
export function Link(props: {
  readonly to: Thing;
  readonly tab?: Tab;
  readonly most?: number;
  readonly class?: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  const page = usePage();
  const { to, tab, most = 100, children } = props;
  const here = sameThing(page.selected, to);
  return (
    <a
      class={`link ${props.class ?? ""}`}
      href={hrefOf(page, to, tab)}
      {...(here ? { "aria-current": "true" as const } : {})}
    >
      {children ?? wordsOf(page.trace, to, most)}
    </a>
  );
}

export function Certainty({ is, note }: { readonly is: string | null; readonly note?: string | null }): JSX.Element | null {
  if (is === null || is === "recorded") {
    return null;
  }
  const more = note == null || note === "" ? "" : ` (${oneLine(note, 100)})`;
  return <span class="certainty">{` ~${is}${more}`}</span>;
}

/** The event that shows something, as a link into the log. */
export function Seq({ seq }: { readonly seq: number | null }): JSX.Element | null {
  const page = usePage();
  if (seq === null) {
    return null;
  }
  return (
    <a class="seq" href={writeAddress({ at: page.address.at, tab: "events", more: { seq: `${seq}` } })} aria-label={`event ${seq}`}>
      #{seq}
    </a>
  );
}

export function Section(props: {
  readonly title: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="section">
      <h3>{props.title}</h3>
      {props.children}
    </section>
  );
}

export function InfoIcon(): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
      <circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d="M6 5.2v3.6M6 3v1.2" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}

export function SeverityIcon({ of }: { readonly of: string }): JSX.Element {
  if (of === "note") {
    return (
      <span class="severity note" role="img" aria-label="note">
        <InfoIcon />
      </span>
    );
  }
  return (
    <span class={`severity ${of}`} role="img" aria-label={of}>
      {of === "error" ? "✕" : "▲"}
    </span>
  );
}

/** The class whose color a thing bears. */
export function classOf(trace: Trace, [kind, number]: Thing): PartClass {
  switch (kind) {
    case ITEM: {
      const row = trace.items?.row.get(number);
      return row === undefined ? "lost" : trace.items!.class[row]!;
    }
    case REQUEST:
      return "model";
    case CALL:
    case OPERATION:
    case TERMINAL:
      return "tool";
    case CELL:
      return "script";
    case AGENT:
    case EDGE:
      return "agent";
    case COMPACTION:
      return "compaction";
    case TURN:
      return "harness";
    default:
      return "instructions";
  }
}

/** A bar of parts by class, with what each share is below it. */
export function Composition({ parts }: { readonly parts: readonly (readonly [PartClass, number])[] }): JSX.Element {
  const whole = parts.reduce((sum, [, tokens]) => sum + tokens, 0);
  return (
    <>
      <div class="stack" aria-hidden="true">
        {parts.map(([of, tokens]) => (
          <span class={`of-${of}`} key={of} style={{ flexGrow: tokens }} />
        ))}
      </div>
      <ul class="legend">
        {parts.map(([of, tokens]) => (
          <li key={of}>
            <Swatch of={of} /> {CLASSES[of].word} <b>{share(tokens, whole)}</b>
          </li>
        ))}
      </ul>
    </>
  );
}

function share(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (part / whole) * 100;
  return percent > 0 && percent < 1 ? "< 1 %" : `${Math.round(percent)} %`;
}
