import type { JSX } from "preact";
import { languageOfFence } from "../pure/code";
import { styledParts } from "../pure/markdown";
import { Plain } from "./bits";
import { Code } from "./code";

/** Prose with fences, headings and emphasis styled, and every character kept. */
export function Styled({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {styledParts(text).map(({ text: part, look, fence }, at) =>
        look === "plain" ? <Plain text={part} key={at} /> : (
          <span class={`md-${look}`} key={at}>
            {fence === undefined ? <Plain text={part} /> : <Code text={part} language={languageOfFence(fence)} />}
          </span>
        ),
      )}
    </>
  );
}
