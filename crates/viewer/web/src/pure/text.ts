/**
 * Text of a bundle as text: characters that would act (controls, bidi overrides, invisible ones) become visible marks.
 */

/** C0 without tab and line feed, DEL, C1. */
const CONTROLS = "\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F";
/** Bidi controls, zero-width and invisible characters, fillers, separators, interlinear marks. */
const FORMATS =
  "\\u00AD\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFEFF\\uFFA0\\uFFF0-\\uFFFB";
/** Tags, supplementary variation selectors, musical controls. */
const ASTRAL = "\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}";
const SURROGATES = "\\uD800-\\uDFFF";
/** A joiner says something only between characters that join. */
const STRAY_JOINER = "(?<![\\p{L}\\p{M}\\p{Extended_Pictographic}\\uFE0F])[\\u200C\\u200D]|[\\u200C\\u200D](?![\\p{L}\\p{M}\\p{Extended_Pictographic}])|(?<=[A-Za-z])[\\u200C\\u200D]";

const ACTING = new RegExp(`[${CONTROLS}${FORMATS}${ASTRAL}${SURROGATES}]|${STRAY_JOINER}`, "gu");

/** A stretch of plain text, or the code of a character that would act. */
export interface TextPart {
  readonly text: string;
  readonly mark: boolean;
}

/** The name of a character: `U+202E`. */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Splits a text of several lines into plain stretches and marks. Line ends are normalized first. */
export function textParts(text: string): TextPart[] {
  const normal = text.replace(/\r\n/g, "\n");
  const parts: TextPart[] = [];
  let from = 0;
  for (const found of normal.matchAll(ACTING)) {
    if (found.index > from) {
      parts.push({ text: normal.slice(from, found.index), mark: false });
    }
    parts.push({ text: codePoint(found[0]), mark: true });
    from = found.index + found[0].length;
  }
  if (from < normal.length) {
    parts.push({ text: normal.slice(from), mark: false });
  }
  return parts;
}

/** How much of a text is looked at when it becomes one line. */
const LOOKED_AT = 4000;

/**
 * A text in one line for labels, tooltips, titles and the canvas: white space is one blank, characters that would act
 * are their code in brackets, and what exceeds `most` characters is cut with `…`.
 */
export function oneLine(text: string, most = Number.POSITIVE_INFINITY): string {
  const head = text.length > LOOKED_AT && most < LOOKED_AT ? text.slice(0, LOOKED_AT) : text;
  const line = head
    .replace(/[\t\n\r\f\v ]+/g, " ")
    .trim()
    .replace(ACTING, (character) => `[${codePoint(character)}]`);
  return cutEnd(line, most);
}

/** The beginning of a text of at most `most` characters; `…` says that there is more. */
export function cutEnd(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const end = Math.max(1, most - 1);
  const whole = isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
  return `${text.slice(0, whole).trimEnd()}…`;
}

/** The end of a text, since paths of agents begin alike. */
export function cutStart(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const from = text.length - Math.max(1, most - 1);
  const whole = isHighSurrogate(text.charCodeAt(from - 1)) ? from + 1 : from;
  return `…${text.slice(whole)}`;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** The longest beginning of `text` with `…` that `fits` accepts, or "" if not even three characters fit. */
export function cutToFit(text: string, fits: (text: string) => boolean, cut = cutEnd): string {
  if (fits(text)) {
    return text;
  }
  let low = 0;
  let high = text.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(cut(text, middle))) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low < 4 ? "" : cut(text, low);
}

/** The first lines of a text, and how many more there are. */
export function firstLines(text: string, lines: number, characters: number): { head: string; more: boolean } {
  let end = 0;
  for (let line = 0; line < lines; line += 1) {
    const next = text.indexOf("\n", end);
    if (next < 0) {
      end = text.length;
      break;
    }
    end = next + 1;
  }
  end = Math.min(end, characters);
  if (end >= text.replace(/\s+$/, "").length) {
    return { head: text.replace(/\s+$/, ""), more: false };
  }
  if (isHighSurrogate(text.charCodeAt(end - 1))) {
    end -= 1;
  }
  return { head: text.slice(0, end).replace(/\s+$/, ""), more: true };
}
