import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "../../src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));

/** Markup comes from JSX with text alone; styles are set as properties, since the policy blocks style strings. */
const FORBIDDEN: readonly [RegExp, string][] = [
  [/innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML/, "markup from a string"],
  [/document\.write|createContextualFragment|DOMParser|srcdoc/, "markup from a string"],
  [/\beval\(|new Function\(|import\(/, "code from a string"],
  [/style=["'`]|style=\{["'`]|cssText|setAttribute\(["'`]style/, "a style as a string"],
  [/https?:\/\//, "an address of another origin"],
  [/localStorage|sessionStorage|document\.cookie/, "something kept in the browser"],
];

test.each(files)("%s builds no markup from strings", (name) => {
  const text = readFileSync(join(source, name), "utf8");
  expect(FORBIDDEN.filter(([pattern]) => pattern.test(text)).map(([, what]) => what)).toEqual([]);
});
