import type { JSX } from "preact";
import { type TerminalStyle, cubeColor, terminalParts } from "../pure/ansi";
import { Plain } from "./bits";

/** Terminal output with its colors, and nothing else of its escapes. */
export function Terminal({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {terminalParts(text).map(({ text: part, style }) =>
        Object.keys(style).length === 0 ? <Plain text={part} /> : <span {...look(style)}><Plain text={part} /></span>,
      )}
    </>
  );
}

function look(style: TerminalStyle): { class: string; style: Record<string, string> } {
  const names = ["bold", "faint", "italic", "underline", "strike", "inverse"] as const;
  const classes = names.filter((name) => style[name]).map((name) => `t-${name}`);
  const properties: Record<string, string> = {};
  const { color, ground } = style;
  if (typeof color === "number" && color < 16) {
    classes.push(`t-c${color}`);
  } else if (color !== undefined) {
    properties["color"] = typeof color === "number" ? cubeColor(color) : color;
  }
  if (typeof ground === "number" && ground < 16) {
    classes.push(`t-g${ground}`);
  } else if (ground !== undefined) {
    properties["backgroundColor"] = typeof ground === "number" ? cubeColor(ground) : ground;
  }
  return { class: classes.join(" "), style: properties };
}
