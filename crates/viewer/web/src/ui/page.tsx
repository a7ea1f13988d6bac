/** What every part of the page can reach: the rollout, the selection, and the way to another one. */
import { createContext } from "preact";
import { useCallback, useContext, useReducer } from "preact/hooks";
import type { Rollouts, Text, Thing } from "../api";
import type { LiveState } from "../data/session";
import type { Source } from "../data/source";
import type { TextStore } from "../data/texts";
import type { Trace } from "../data/trace";
import { type Address, type Tab, writeAddress } from "../pure/address";
import { selectorOf } from "../data/names";

export interface Page {
  readonly source: Source;
  readonly rollouts: Rollouts;
  readonly trace: Trace;
  /** Grows when items, labels, changes, causes or new events arrive. */
  readonly version: number;
  /** Whether the rollout is followed while it grows; `null` if it does not. */
  readonly live: LiveState | null;
  readonly texts: TextStore;
  readonly address: Address;
  /** The selected thing; `null` with `address.at` set means that the selector names nothing. */
  readonly selected: Thing | null;
  /** The agent whose conversation and context are shown. */
  readonly agent: number;
  readonly go: (address: Partial<Address>, replace?: boolean) => void;
  /** Writes into the address what a person looks at, without another entry in the history. */
  readonly note: (address: Pick<Partial<Address>, "view" | "top">) => void;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === null) {
    throw new Error("a part of the page was drawn outside of it");
  }
  return page;
}

/** The address of a thing, in the tab that is open or another one. */
export function hrefOf(page: Page, thing: Thing, tab: Tab = page.address.tab): string {
  return writeAddress({ at: selectorOf(page.trace, thing), tab, more: tab === page.address.tab ? page.address.more : {} });
}

export function sameThing(a: Thing | null, b: Thing | null): boolean {
  return a !== null && b !== null && a[0] === b[0] && a[1] === b[1];
}

/** A function that draws the component anew. */
export function useRedraw(): () => void {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  return useCallback(() => redraw(0), []);
}

/** The beginning of a thing's text; `null` until it is here. */
export function useText(thing: Thing): Text | null {
  const { texts } = usePage();
  return texts.get(thing, useRedraw());
}
