/** Terminal output with its colors, and nothing else of its escapes. */

/** How a stretch of terminal output looks. Colors are indices 0 to 255 or `#rrggbb`. */
export interface TerminalStyle {
  readonly color?: number | string;
  readonly ground?: number | string;
  readonly bold?: true;
  readonly faint?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly inverse?: true;
  readonly strike?: true;
}

export interface TerminalPart {
  readonly text: string;
  readonly style: TerminalStyle;
}

/**
 * CSI, then strings (OSC, DCS, SOS, PM, APC) with their terminator, then other escapes. A string ends at the line at
 * the latest, so that an unterminated one hides nothing of the lines after it.
 */
const ESCAPE =
  /(?:\u001b\[|\u009b)([0-?]*)([ -/]*)([@-~])|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-Z\\^-~]/g;

const PLAIN: TerminalStyle = {};

/** Splits terminal output into stretches of one look. `\r\n` is a line end; a lone `\r` begins a line, too. */
export function terminalParts(output: string): TerminalPart[] {
  const text = output.replace(/\r+\n/g, "\n").replace(/\r+$/, "").replace(/\r/g, "\n");
  const parts: TerminalPart[] = [];
  let style = PLAIN;
  let from = 0;
  const add = (piece: string) => {
    const last = parts.at(-1);
    if (piece === "") {
      return;
    }
    if (last !== undefined && last.style === style) {
      parts[parts.length - 1] = { text: last.text + piece, style };
    } else {
      parts.push({ text: piece, style });
    }
  };
  for (const found of text.matchAll(ESCAPE)) {
    add(text.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[3] === "m" && found[2] === "" && !/[<=>?]/.test(found[1] ?? "")) {
      style = afterSgr(style, found[1] ?? "");
    }
  }
  add(text.slice(from));
  return parts;
}

/** Whether a text has colors or other escapes of a terminal. */
export function hasEscapes(text: string): boolean {
  return text.includes("\u001b") || text.includes("\u009b");
}

type Mutable = { -readonly [Key in keyof TerminalStyle]: TerminalStyle[Key] };

function afterSgr(before: TerminalStyle, parameters: string): TerminalStyle {
  let style: Mutable = { ...before };
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at]!;
    if (code === 0) {
      style = {};
    } else if (code === 1) {
      style.bold = true;
    } else if (code === 2) {
      style.faint = true;
    } else if (code === 3) {
      style.italic = true;
    } else if (code === 4) {
      style.underline = true;
    } else if (code === 7) {
      style.inverse = true;
    } else if (code === 9) {
      style.strike = true;
    } else if (code === 22) {
      delete style.bold;
      delete style.faint;
    } else if (code === 23) {
      delete style.italic;
    } else if (code === 24) {
      delete style.underline;
    } else if (code === 27) {
      delete style.inverse;
    } else if (code === 29) {
      delete style.strike;
    } else if (code >= 30 && code <= 37) {
      style.color = code - 30;
    } else if (code >= 90 && code <= 97) {
      style.color = code - 82;
    } else if (code >= 40 && code <= 47) {
      style.ground = code - 40;
    } else if (code >= 100 && code <= 107) {
      style.ground = code - 92;
    } else if (code === 39) {
      delete style.color;
    } else if (code === 49) {
      delete style.ground;
    } else if (code === 38 || code === 48) {
      const { color, used } = extendedColor(codes, at + 1);
      at += used;
      if (color !== undefined) {
        style[code === 38 ? "color" : "ground"] = color;
      }
    }
  }
  return Object.keys(style).length === 0 ? PLAIN : style;
}

function extendedColor(codes: readonly number[], at: number): { color?: number | string; used: number } {
  const byte = (value: number | undefined): value is number => value !== undefined && value >= 0 && value <= 255;
  if (codes[at] === 5) {
    const index = codes[at + 1];
    return byte(index) ? { color: index, used: 2 } : { used: 2 };
  }
  if (codes[at] === 2) {
    const channels = codes.slice(at + 1, at + 4);
    if (channels.length === 3 && channels.every(byte)) {
      return { color: `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`, used: 4 };
    }
    return { used: 4 };
  }
  return { used: 1 };
}

/** The color of an index from 16 to 255; the first 16 belong to the scheme. */
export function cubeColor(index: number): string {
  if (index >= 232) {
    const gray = 8 + 10 * (index - 232);
    return `rgb(${gray},${gray},${gray})`;
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + 40 * value);
  const at = index - 16;
  return `rgb(${level(Math.floor(at / 36))},${level(Math.floor(at / 6) % 6)},${level(at % 6)})`;
}
