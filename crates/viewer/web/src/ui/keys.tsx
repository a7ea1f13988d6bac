/** The keys of the page; those of the timeline are with it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { selectorOf } from "../data/names";
import { ITEM, REQUEST } from "../data/trace";
import type { Tab } from "../pure/address";
import { isTyping } from "../timeline/keys";
import { type Page, usePage } from "./page";

const TAB_KEYS: readonly Tab[] = ["conversation", "context", "agents", "unseen", "events", "compare"];

const HELP: readonly (readonly [string, string])[] = [
  ["w s", "zoom the timeline in and out"],
  ["a d", "pan the timeline"],
  ["0, f", "fit everything, fit the selection"],
  ["← →", "next bar in the lane"],
  ["↑ ↓", "lane above or below"],
  ["[ ]", "request before or after, of this agent"],
  ["j k", "item after or before, of this agent"],
  ["1 … 6", "tabs"],
  ["t", "order of events instead of time"],
  ["i", "fold stretches in which nothing runs"],
  ["c", "underline the critical path"],
  ["/", "search"],
  ["?", "this list"],
  ["Esc", "close, then deselect"],
  ["Ctrl or ⌘ + wheel", "zoom at the pointer"],
  ["Shift + wheel, drag", "pan; in the minimap, move the frame"],
  ["Shift + drag", "mark a range and show its sums"],
  ["double click", "zoom to a bar; on nothing, fit everything"],
];

export function Keys(): JSX.Element | null {
  const page = usePage();
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        if (help) {
          setHelp(false);
        } else if (isTyping(event)) {
          (event.target as HTMLElement).blur();
        } else if (page.address.at !== null) {
          page.go({ at: null });
        }
        return;
      }
      if (isTyping(event)) {
        return;
      }
      if (act(page, event.key)) {
        event.preventDefault();
      } else if (event.key === "?") {
        setHelp((open) => !open);
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [page, help]);
  return help ? <Help close={() => setHelp(false)} /> : null;
}

function act(page: Page, key: string): boolean {
  const { go, address } = page;
  const tab = /^[1-6]$/.test(key) ? TAB_KEYS[Number(key) - 1] : key === "/" ? "search" : undefined;
  if (tab !== undefined) {
    go({ tab, more: tab === address.tab ? address.more : {} });
    return true;
  }
  switch (key) {
    case "[":
      return step(page, REQUEST, -1);
    case "]":
      return step(page, REQUEST, 1);
    case "j":
      return step(page, ITEM, 1);
    case "k":
      return step(page, ITEM, -1);
    default:
      return false;
  }
}

/** Selects the next request or item of the agent. */
function step(page: Page, kind: typeof REQUEST | typeof ITEM, by: number): boolean {
  const { trace, agent, selected, go } = page;
  const { requests, calls } = trace.spans;
  const list = kind === REQUEST
    ? trace.ofAgent(agent).requests
    : (trace.items?.ofAgent(agent) ?? []).map((row) => trace.items!.number[row]!);
  if (list.length === 0) {
    return true;
  }
  const seq = (number: number) => (kind === REQUEST ? requests.startSeq[number]! : (trace.items?.firstSeq[trace.items.row.get(number)!] ?? 0));
  let at = selected === null || selected[0] !== kind ? -1 : list.indexOf(selected[1]);
  if (at >= 0) {
    at += by;
  } else {
    // From another thing: the nearest one by its event.
    const here = selected === null ? null
      : selected[0] === REQUEST ? requests.startSeq[selected[1]]
      : selected[0] === ITEM ? (trace.items?.firstSeq[trace.items.row.get(selected[1]) ?? -1] ?? null)
      : selected[0] === 5 ? calls.startSeq[selected[1]] : null;
    const after = here == null ? (by > 0 ? 0 : list.length) : list.findIndex((number) => seq(number) > here);
    at = by > 0 ? (after < 0 ? list.length - 1 : after) : (after < 0 ? list.length : after) - 1;
  }
  const next = list[Math.max(0, Math.min(list.length - 1, at))];
  if (next !== undefined) {
    go({ at: selectorOf(trace, [kind, next]) });
  }
  return true;
}

function Help({ close }: { readonly close: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog class="help" ref={dialog} aria-label="Keys" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <h2>Keys</h2>
      <dl>
        {HELP.map(([keys, what]) => <><dt key={keys}><kbd>{keys}</kbd></dt><dd>{what}</dd></>)}
      </dl>
      <button type="button" class="more" onClick={close}>close</button>
    </dialog>
  );
}
