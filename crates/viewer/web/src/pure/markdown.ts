/** Light styling of what models write. Every character stays: what one sees and copies is what the model wrote. */

export interface StyledPart {
  readonly text: string;
  readonly look: "plain" | "heading" | "strong" | "code" | "fence";
  /** Of the lines within a fence: the word after the fence, such as `json`. */
  readonly fence?: string;
}

const INLINE = /(`[^`\n]+`)|(\*\*[^*\n]+\*\*)/g;

export function styledParts(text: string): StyledPart[] {
  const parts: StyledPart[] = [];
  const push = (piece: string, look: StyledPart["look"], fence?: string) => {
    if (piece === "") {
      return;
    }
    const last = parts.at(-1);
    const more = fence === undefined ? {} : { fence };
    if (last?.look === look && last.fence === fence && (look === "plain" || look === "fence")) {
      parts[parts.length - 1] = { text: last.text + piece, look, ...more };
    } else {
      parts.push({ text: piece, look, ...more });
    }
  };
  let fence: string | null = null;
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    const end = at < lines.length - 1 ? "\n" : "";
    const mark = /^\s*(?:```|~~~)\s*([\w+#.-]*)/.exec(line);
    if (mark !== null) {
      fence = fence === null ? mark[1]! : null;
      push(line + end, "fence");
    } else if (fence !== null) {
      push(line + end, "fence", fence);
    } else if (/^#{1,6} /.test(line)) {
      push(line, "heading");
      push(end, "plain");
    } else {
      let from = 0;
      for (const found of line.matchAll(INLINE)) {
        push(line.slice(from, found.index), "plain");
        push(found[0], found[1] === undefined ? "strong" : "code");
        from = found.index + found[0].length;
      }
      push(line.slice(from) + end, "plain");
    }
  }
  return parts;
}
