/** Code, patches and data. Their colors are highlights of ranges, so that a text of any length remains one node. */
import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Language, TOKEN_LOOKS, type TokenLook, guessLanguage, isPatch, patchBlocks, tokens } from "../pure/code";
import { Plain } from "./bits";

const registry = typeof Highlight === "undefined" ? null : makeRegistry();

/** One highlight for each look, with the ranges of all texts that are on the page. */
function makeRegistry(): ReadonlyMap<TokenLook, Highlight> {
  const all = new Map(TOKEN_LOOKS.map((look) => [look, new Highlight()] as const));
  for (const [look, highlight] of all) {
    CSS.highlights.set(`code-${look}`, highlight);
  }
  return all;
}

/** Colors the text of an element while it is on the page. A browser without highlights shows it in one color. */
function useColors(element: RefObject<HTMLElement | null>, text: string, language: Language | null): void {
  useLayoutEffect(() => {
    if (registry === null || language === null || element.current === null) {
      return;
    }
    const made = [...rangesOf(element.current, language)];
    for (const [look, range] of made) {
      registry.get(look)!.add(range);
    }
    return () => {
      for (const [look, range] of made) {
        registry.get(look)!.delete(range);
      }
    };
  }, [text, language]);
}

/** The tokens of what an element shows, as ranges of its text nodes. */
function* rangesOf(element: HTMLElement, language: Language): Generator<readonly [TokenLook, StaticRange]> {
  const nodes: { node: Node; from: number }[] = [];
  let shown = "";
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    nodes.push({ node, from: shown.length });
    shown += node.textContent ?? "";
  }
  let at = 0;
  for (const { from, to, look } of tokens(shown, language)) {
    while (at + 1 < nodes.length && nodes[at + 1]!.from <= from) {
      at += 1;
    }
    const { node, from: begin } = nodes[at]!;
    const end = Math.min(to - begin, node.textContent!.length);
    if (end > from - begin) {
      yield [look, new StaticRange({ startContainer: node, startOffset: from - begin, endContainer: node, endOffset: end })];
    }
  }
}

/** Text in the font of code. Without a language it is guessed; patches show what they add and remove. */
export function Code({ text, language }: { readonly text: string; readonly language?: Language | null }): JSX.Element {
  const element = useRef<HTMLElement>(null);
  const patch = isPatch(text);
  useColors(element, text, patch ? null : language === undefined ? guessLanguage(text) : language);
  if (patch) {
    return <>{patchBlocks(text).map(({ look, text: lines }, at) => <span class={look} key={at}><Plain text={lines} /></span>)}</>;
  }
  return <span ref={element}><Plain text={text} /></span>;
}
