/** What the fragment of the address says: the selection, the tab, and what a tab asks. */

export const TABS = ["conversation", "context", "agents", "unseen", "events", "compare", "search"] as const;
export type Tab = (typeof TABS)[number];

export interface Address {
  /** A selector as the command line takes it. */
  readonly at: string | null;
  readonly tab: Tab;
  /** Other parameters, such as the pattern of a search. */
  readonly more: Readonly<Record<string, string>>;
}

export const HOME: Address = { at: null, tab: "conversation", more: {} };

/** Reads a fragment. Unknown tabs are the first one. */
export function readAddress(hash: string): Address {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const tab = parameters.get("tab");
  const more: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (name !== "at" && name !== "tab") {
      more[name] = value;
    }
  }
  return { at: parameters.get("at"), tab: TABS.find((known) => known === tab) ?? "conversation", more };
}

/** Writes a fragment. Colons and slashes stay, so that selectors remain legible. */
export function writeAddress({ at, tab, more }: Address): string {
  const parameters: [string, string][] = [];
  if (at !== null) {
    parameters.push(["at", at]);
  }
  if (tab !== "conversation") {
    parameters.push(["tab", tab]);
  }
  parameters.push(...Object.entries(more).filter(([, value]) => value !== ""));
  const text = parameters.map(([name, value]) => `${name}=${legible(value)}`).join("&");
  return `#${text}`;
}

function legible(value: string): string {
  // A lone half of a character has no percent form.
  return encodeURIComponent(value.toWellFormed()).replaceAll("%3A", ":").replaceAll("%2F", "/");
}
