/** What the fragment of the address says: the selection, the tab, and what a tab asks. */

export const TABS = ["conversation", "context", "agents", "unseen", "events", "compare", "search"] as const;
export type Tab = (typeof TABS)[number];

export interface Address {
  /** A selector as the command line takes it. */
  readonly at: string | null;
  readonly tab: Tab;
  /** What the timeline shows, as `writeView` has it; `null` is all of it, over time. */
  readonly view: string | null;
  /** The selector of the row at the top of the conversation, if a person scrolled to it. */
  readonly top: string | null;
  /** Other parameters, such as the pattern of a search. */
  readonly more: Readonly<Record<string, string>>;
}

/** Reads a fragment. Unknown tabs are the first one. */
export function readAddress(hash: string): Address {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const tab = parameters.get("tab");
  const more: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (name !== "at" && name !== "tab" && name !== "view" && name !== "top") {
      more[name] = value;
    }
  }
  return {
    at: parameters.get("at"), tab: TABS.find((known) => known === tab) ?? "conversation",
    view: parameters.get("view"), top: parameters.get("top"), more,
  };
}

/** Writes a fragment; what is left out is as at first. Colons and slashes stay, so that selectors remain legible. */
export function writeAddress({ at = null, tab = "conversation", view = null, top = null, more = {} }: Partial<Address>): string {
  const parameters: [string, string][] = [];
  const known = [["at", at], ["tab", tab === "conversation" ? null : tab], ["view", view], ["top", top]] as const;
  for (const [name, value] of known) {
    if (value !== null) {
      parameters.push([name, value]);
    }
  }
  parameters.push(...Object.entries(more).filter(([, value]) => value !== ""));
  const text = parameters.map(([name, value]) => `${name}=${legible(value)}`).join("&");
  return `#${text}`;
}

function legible(value: string): string {
  // A lone half of a character has no percent form.
  return encodeURIComponent(value.toWellFormed()).replaceAll("%3A", ":").replaceAll("%2F", "/");
}

/** A part of the axis: milliseconds from the start of the rollout, or events. */
export interface ShownView {
  readonly mode: "time" | "order";
  /** From where to where; `null` is everything. */
  readonly range: readonly [number, number] | null;
}

/** `1200..5400` are milliseconds, `seq:12..80` events, and `seq` all events. */
export function writeView({ mode, range }: ShownView): string | null {
  const ends = range === null ? "" : range.map((at) => `${Number(at.toFixed(mode === "time" ? 1 : 0))}`).join("..");
  return mode === "order" ? (ends === "" ? "seq" : `seq:${ends}`) : ends === "" ? null : ends;
}

/** Reads what `writeView` wrote. Anything else is everything, over time. */
export function readView(view: string | null): ShownView {
  const found = /^(seq)?:?(?:(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?))?$/.exec(view ?? "");
  const range = found?.[2] === undefined || Number(found[2]) >= Number(found[3]) ? null : ([Number(found[2]), Number(found[3])] as const);
  return { mode: found?.[1] === undefined ? "time" : "order", range };
}
