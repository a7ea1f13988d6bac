/** The keys of the timeline. */
import { useEffect } from "preact/hooks";
import type { Thing } from "../api";
import { selectorOf } from "../data/names";
import type { Page } from "../ui/page";
import { type Layout, thingAt } from "./layout";
import { barsOf } from "./paint";
import type { View } from "./scene";

interface Moves {
  readonly zoom: (factor: number, at: number) => void;
  readonly pan: (share: number) => void;
  readonly fitAll: () => void;
  readonly fit: (thing: Thing) => void;
  readonly setMode: (change: (mode: "time" | "order") => "time" | "order") => void;
  readonly setFold: (change: (fold: boolean) => boolean) => void;
  readonly setShowPath: (change: (show: boolean) => boolean) => void;
}

/** Whether a key belongs to a field, and not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return event.ctrlKey || event.metaKey || event.altKey || target !== null && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
}

export function useKeys(page: Page, layout: Layout, view: { readonly current: View }, moves: Moves): void {
  useEffect(() => {
    const middle = () => (view.current.from + view.current.to) / 2;
    const keys: Readonly<Record<string, () => void>> = {
      w: () => moves.zoom(0.7, middle()),
      s: () => moves.zoom(1 / 0.7, middle()),
      a: () => moves.pan(-0.2),
      d: () => moves.pan(0.2),
      0: () => moves.fitAll(),
      f: () => page.selected !== null && moves.fit(page.selected),
      t: () => moves.setMode((mode) => (mode === "order" ? "time" : "order")),
      i: () => moves.setFold((fold) => !fold),
      c: () => moves.setShowPath((show) => !show),
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      ArrowUp: () => lane(-1),
      ArrowDown: () => lane(1),
    };
    const found = () => (page.selected === null ? null : barsOf(page.trace, page.selected).map((bar) => layout.find(bar)).find((place) => place !== null) ?? null);
    const select = (thing: Thing | null) => {
      if (thing !== null) {
        page.go({ at: selectorOf(page.trace, thing) });
      }
    };
    const step = (by: number) => {
      const here = found();
      if (here !== null) {
        const at = here.lane.from.findIndex((from, bar) => from === here.from && here.lane.to[bar] === here.to);
        select(thingAt(here.lane, at + by));
      }
    };
    const lane = (by: number) => {
      const all = layout.groups.flatMap((group) => group.lanes.filter((other) => other.rows.length > 0));
      const here = found();
      const at = here === null ? (by > 0 ? -1 : all.length) : all.indexOf(here.lane);
      const next = all[at + by];
      if (next !== undefined) {
        const place = here?.from ?? view.current.from;
        let nearest = 0;
        for (const [bar, from] of next.from.entries()) {
          if (Math.abs(from - place) < Math.abs(next.from[nearest]! - place)) {
            nearest = bar;
          }
        }
        select(thingAt(next, nearest));
      }
    };
    const press = (event: KeyboardEvent) => {
      const act = keys[event.key];
      const inList = (event.target as HTMLElement | null)?.closest?.(".tab-view, .panel") !== null && event.key.startsWith("Arrow") && document.activeElement !== document.body;
      if (act !== undefined && !isTyping(event) && !inList) {
        event.preventDefault();
        act();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
