import type { JSX } from "preact";
import { styledParts } from "../pure/markdown";
import { Plain } from "./bits";

/** Prose with fences, headings and emphasis styled, and every character kept. */
export function Styled({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {styledParts(text).map(({ text: part, look }) =>
        look === "plain" ? <Plain text={part} /> : <span class={`md-${look}`}><Plain text={part} /></span>,
      )}
    </>
  );
}
