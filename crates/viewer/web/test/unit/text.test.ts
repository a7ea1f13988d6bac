import { describe, expect, test } from "vitest";
import { hasEscapes, terminalParts } from "../../src/pure/ansi";
import { cutEnd, cutStart, cutToFit, firstLines, oneLine, textParts } from "../../src/pure/text";

const marked = (text: string) => textParts(text).map((part) => (part.mark ? `<${part.text}>` : part.text)).join("");

describe("characters that act", () => {
  test.each([
    ["gnp.\u202Eexe", "gnp.<U+202E>exe"],
    ["a\u0000b\u001b[31m", "a<U+0000>b<U+001B>[31m"],
    ["\u2066x\u2069", "<U+2066>x<U+2069>"],
    ["zero\u200Bwidth\uFEFF", "zero<U+200B>width<U+FEFF>"],
    ["tag\u{E0041}", "tag<U+E0041>"],
    ["lone \uD800 half", "lone <U+D800> half"],
    ["joined a\u200Db", "joined a<U+200D>b"],
    ["one\r\ntwo\rthree", "one\ntwo<U+000D>three"],
  ])("%j", (text, shown) => {
    expect(marked(text)).toBe(shown);
  });

  test.each(["plain\ttext\n", "日本語 Ελληνικά עברית", "👩‍👩‍👧 family", "می‌خواهم"])("%s stays", (text) => {
    expect(marked(text)).toBe(text);
  });

  test("one line shows them, too", () => {
    expect(oneLine(" a\n\tb\u202Ec ")).toBe("a b[U+202E]c");
  });
});

describe("cutting", () => {
  test("says that there is more, and halves no character", () => {
    expect(cutEnd("abcdef", 4)).toBe("abc…");
    expect(cutEnd("ab😀cd", 4)).toBe("ab…");
    expect(cutStart("/root/worker/reader", 8)).toBe("…/reader");
    expect(cutEnd("abc", 3)).toBe("abc");
  });

  test("to a width", () => {
    expect(cutToFit("cargo test --workspace", (text) => text.length <= 10)).toBe("cargo tes…");
    expect(cutToFit("cargo", (text) => text.length <= 2)).toBe("");
  });

  test("to lines", () => {
    expect(firstLines("a\nb\nc\n", 2, 100)).toEqual({ head: "a\nb", more: true });
    expect(firstLines("a\nb\n\n", 2, 100)).toEqual({ head: "a\nb", more: false });
    expect(firstLines("abcdef", 2, 3)).toEqual({ head: "abc", more: true });
  });
});

describe("terminal output", () => {
  test("keeps colors and drops other escapes", () => {
    const parts = terminalParts("\u001b[1;31mred\u001b[0m \u001b]8;;http://x.example\u0007link\u001b]8;;\u0007\u001b[2K!\u001b[38;5;208mo\u001b[38;2;1;2;3mt");
    expect(parts).toEqual([
      { text: "red", style: { bold: true, color: 1 } },
      { text: " link!", style: {} },
      { text: "o", style: { color: 208 } },
      { text: "t", style: { color: "#010203" } },
    ]);
  });

  test("an unterminated string hides nothing of the next line", () => {
    expect(terminalParts("\u001b]0;title\nnext").map((part) => part.text).join("")).toContain("next");
  });

  test.each([
    ["a\r\nb\r", "a\nb"],
    ["10%\r20%\rdone\r\n", "10%\n20%\ndone\n"],
    ["a\r\r\nb", "a\nb"],
  ])("line ends of %j", (output, text) => {
    expect(terminalParts(output).map((part) => part.text).join("")).toBe(text);
  });

  test("is told from plain text", () => {
    expect([hasEscapes("plain"), hasEscapes("\u001b[m")]).toEqual([false, true]);
  });
});
