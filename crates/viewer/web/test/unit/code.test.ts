import { expect, test } from "vitest";
import { type Language, guessLanguage, isPatch, languageOfFence, patchBlocks, tokens } from "../../src/pure/code";

/** The text with its tokens in brackets, the look before each. */
function drawn(text: string, language: Language): string {
  let out = "";
  let at = 0;
  for (const { from, to, look } of tokens(text, language)) {
    out += `${text.slice(at, from)}[${look[0]} ${text.slice(from, to)}]`;
    at = to;
  }
  return out + text.slice(at);
}

test("JSON has keys, strings and literals", () => {
  expect(drawn(`{"cmd": "ls \\"x\\"", "n": -1.5e3, "ok": true, "none": [null, 12]}`, "json"))
    .toBe(`{[k "cmd"]: [s "ls \\"x\\""], [k "n"]: [l -1.5e3], [k "ok"]: [l true], [k "none"]: [[l null], [l 12]]}`);
});

test("JSON that is cut off within a string is colored up to there", () => {
  expect(drawn(`{"cmd": "ls -l`, "json")).toBe(`{[k "cmd"]: [s "ls -l]`);
});

test("a shell has words, quoted texts, variables, options and comments", () => {
  expect(drawn("for f in *.rs; do grep -n 'a # b' \"$f\" --color=no | wc -l # count\ndone; echo $HOME", "shell"))
    .toBe("[w for] f [w in] *.rs; [w do] grep [k -n] [s 'a # b'] [s \"$f\"] [k --color]=no | wc [k -l] [c # count]\n[w done]; echo [l $HOME]");
  expect(drawn("cat do/if.txt a-for b#c", "shell")).toBe("cat do/if.txt a-for b#c");
});

test("code has strings, comments, numbers and words", () => {
  expect(drawn("const a = await f({ cmd: 'x', n: 0x1f }); // c\n/* d */ let s = `t ${1}`;", "code"))
    .toBe("[w const] a = [w await] f({ cmd: [s 'x'], n: [l 0x1f] }); [c // c]\n[c /* d */] [w let] s = [s `t ${1}`];");
  // Lifetimes, attributes and apostrophes are no strings or comments.
  expect(drawn("#[test]\nfn f<'a>(x: &'a str) {} # note", "code")).toBe("#[test]\n[w fn] f<'a>(x: &'a str) {} [c # note]");
  expect(drawn("see http://x.example/y", "code")).toBe("see http://x.example/y");
});

test("no text takes long", () => {
  for (const piece of ["\"", "'", "`", "/*", "\\", "((", "{\"", "-", "$", "#", "9_", "\"\"\""]) {
    for (const language of ["json", "shell", "code"] as const) {
      expect(tokens(piece.repeat(50_000), language).length).toBeLessThan(100_001);
    }
  }
});

test("languages are guessed, and prose has none", () => {
  expect(guessLanguage(`{"a": 1}`)).toBe("json");
  expect(guessLanguage("#!/bin/sh\nls")).toBe("shell");
  expect(guessLanguage("const a = f(1);\nconst b = g(a);\ntext(b);")).toBe("code");
  expect(guessLanguage("def f(x):\n    return x\n")).toBe("code");
  expect(guessLanguage("The test fails. I look at it first, then I repair it.")).toBeNull();
  expect(guessLanguage("- one\n- two\n- three")).toBeNull();
  expect([languageOfFence("ts"), languageOfFence("bash"), languageOfFence("text"), languageOfFence("")]).toEqual(["code", "shell", null, null]);
});

test("a patch is blocks of lines, and nothing of it is lost", () => {
  const patch = "*** Begin Patch\n*** Update File: a.txt\n@@\n keep\n-old\n+new\n+more\n*** End Patch";
  expect(isPatch(patch)).toBe(true);
  const blocks = patchBlocks(patch);
  expect(blocks.map(({ look }) => look.slice(6))).toEqual(["head", "keep", "del", "add", "head"]);
  expect(blocks.map(({ text }) => text).join("\n")).toBe(patch);
  expect(isPatch("a - b\n+ c")).toBe(false);
});
