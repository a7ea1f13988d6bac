/** The rows of an agent's conversation. */
import type { Thing } from "../api";
import { CALL, CELL, COMPACTION, EDGE, ITEM, type ItemTable, OPERATION, REQUEST, TERMINAL, TURN, type Trace } from "./trace";

/** How many calls of one answer are rows; of more, the first `FEWER_CALLS` are. */
const MOST_CALLS = 60;
const FEWER_CALLS = 30;
const NO_OUTPUTS: readonly number[] = [];

export type Row =
  | { readonly kind: "turn"; readonly turn: number }
  | { readonly kind: "request"; readonly request: number }
  | { readonly kind: "compaction"; readonly compaction: number }
  | { readonly kind: "item"; readonly item: number; readonly outputs: readonly number[]; readonly unseen: boolean }
  | { readonly kind: "missing"; readonly request: number; readonly why: string }
  | { readonly kind: "more"; readonly request: number; readonly count: number };

export interface Conversation {
  readonly rows: readonly Row[];
  /** The row of a thing: an item (also of an output, which lies under its call), a request, a turn, a compaction. */
  readonly at: ReadonlyMap<number, number>;
}

/** A number for each row, since there may be many: that of what it shows, and its kind in the last place. */
const KEYS = { item: 0, request: 1, turn: 2, compaction: 3, missing: 4, more: 5 } as const;

function key(kind: keyof typeof KEYS, number: number): number {
  return 8 * number + KEYS[kind];
}

export function rowKey(row: Row): number {
  switch (row.kind) {
    case "turn":
      return key("turn", row.turn);
    case "compaction":
      return key("compaction", row.compaction);
    case "item":
      return key("item", row.item);
    case "request":
    case "missing":
    case "more":
      return key(row.kind, row.request);
  }
}

/** The thing that a row shows, if it can be named. */
export function rowThing(row: Row): Thing | null {
  switch (row.kind) {
    case "item":
      return [ITEM, row.item];
    case "request":
      return [REQUEST, row.request];
    case "turn":
      return [TURN, row.turn];
    case "compaction":
      return [COMPACTION, row.compaction];
    default:
      return null;
  }
}

export function isOutput(kind: string): boolean {
  return kind.endsWith("_output");
}

export function isCall(kind: string): boolean {
  return kind.endsWith("_call");
}

/** How many conversations are kept. */
const KEPT = 8;

const kept = new WeakMap<ItemTable, Map<string, Conversation>>();

/** The conversation of an agent. `shown` are requests whose calls are all shown; `version` grows with a trace that does. */
export function conversation(trace: Trace, agent: number, shown: ReadonlySet<number>, version: number): Conversation {
  if (trace.items === null) {
    return { rows: [], at: new Map() };
  }
  let known = kept.get(trace.items);
  if (known === undefined || known.size > KEPT) {
    known = new Map();
    kept.set(trace.items, known);
  }
  const name = `${agent} ${trace.about.is_followed ? version : ""} ${[...shown].join(" ")}`;
  let built = known.get(name);
  if (built === undefined) {
    built = buildConversation(trace, trace.items, agent, shown);
    known.set(name, built);
  }
  return built;
}

function buildConversation(trace: Trace, items: ItemTable, agent: number, shown: ReadonlySet<number>): Conversation {
  const rows: Row[] = [];
  const at = new Map<number, number>();
  const { spans } = trace;
  const { requests, turns, compactions } = trace.ofAgent(agent);
  const folded = outputsByCall(items, agent);
  const answered = new Set<number>();
  const carried = new Map<number, number[]>();
  const loose: number[] = [];
  for (const request of requests) {
    for (const item of spans.requests.answer.list(request)) {
      answered.add(item);
    }
  }
  for (const row of items.ofAgent(agent)) {
    const item = items.number[row]!;
    if (answered.has(item) || folded.under.has(item)) {
      continue;
    }
    const first = items.firstCarrier[row];
    if (first != null && spans.requests.agent[first] === agent) {
      const list = carried.get(first);
      if (list === undefined) {
        carried.set(first, [item]);
      } else {
        list.push(item);
      }
    } else if (items.kind[row] !== "compaction_marker") {
      loose.push(item);
    }
  }
  const seqOf = (item: number) => items.firstSeq[items.row.get(item)!] ?? Number.POSITIVE_INFINITY;
  loose.sort((a, b) => seqOf(a) - seqOf(b));

  const push = (row: Row) => {
    at.set(rowKey(row), rows.length);
    rows.push(row);
  };
  const pushItem = (item: number, unseen = false) => {
    const outputs = folded.of.get(item) ?? NO_OUTPUTS;
    for (const output of outputs) {
      at.set(key("item", output), rows.length);
    }
    push({ kind: "item", item, outputs, unseen });
  };
  const pushAnswer = (request: number) => {
    const answer = spans.requests.answer.list(request);
    const calls = answer.filter((item) => isCall(items.kind[items.row.get(item) ?? -1] ?? ""));
    const hidden = calls.length > MOST_CALLS && !shown.has(request) ? new Set(calls.slice(FEWER_CALLS)) : null;
    for (const item of answer) {
      if (hidden?.has(item)) {
        at.set(key("item", item), rows.length);
        for (const output of folded.of.get(item) ?? []) {
          at.set(key("item", output), rows.length);
        }
      } else {
        pushItem(item);
      }
    }
    if (hidden !== null) {
      push({ kind: "more", request, count: hidden.size });
    }
    const why = missingAnswer(trace, request);
    if (why !== null) {
      push({ kind: "missing", request, why });
    }
  };

  const seen = new Set<number>();
  const begins = [
    ...turns.map((turn) => ({ seq: spans.turns.startSeq[turn]!, order: 0, add: () => push({ kind: "turn", turn }) })),
    ...compactions.map((compaction) => ({
      seq: spans.compactions.seq[compaction]!,
      order: 1,
      add: () => push({ kind: "compaction", compaction }),
    })),
    ...loose.map((item) => ({ seq: seqOf(item), order: 2, add: () => pushItem(item, true) })),
    ...requests.map((request) => ({
      seq: spans.requests.startSeq[request]!,
      order: 3,
      add: () => {
        for (const item of carried.get(request) ?? []) {
          if (!seen.has(item)) {
            seen.add(item);
            pushItem(item);
          }
        }
        push({ kind: "request", request });
        pushAnswer(request);
      },
    })),
  ];
  begins.sort((a, b) => a.seq - b.seq || a.order - b.order);
  for (const { add } of begins) {
    add();
  }
  return { rows, at };
}

/** The outputs that lie under their calls: those with the call id of an older call of the agent. */
function outputsByCall(items: ItemTable, agent: number): { of: Map<number, number[]>; under: Set<number> } {
  const last = new Map<string, number>();
  const of = new Map<number, number[]>();
  const under = new Set<number>();
  for (const row of items.ofAgent(agent)) {
    const item = items.number[row]!;
    const id = items.callId[row];
    if (id == null) {
      continue;
    }
    if (!isOutput(items.kind[row]!)) {
      last.set(id, item);
      continue;
    }
    const call = last.get(id);
    if (call !== undefined) {
      under.add(item);
      const list = of.get(call);
      if (list === undefined) {
        of.set(call, [item]);
      } else {
        list.push(item);
      }
    }
  }
  return { of, under };
}

function missingAnswer(trace: Trace, request: number): string | null {
  const { requests } = trace.spans;
  if (requests.answered.has(request)) {
    return requests.answer.list(request).length === 0 ? "the answer is empty" : null;
  }
  const error = requests.error[`${request}`] ?? requests.cancelReason[`${request}`];
  if (error !== undefined) {
    return `no answer: ${error}`;
  }
  if (requests.end[request] == null) {
    return trace.about.is_followed ? "no answer yet" : `no answer recorded: request ${request + 1} has no end in this trace`;
  }
  return `no answer recorded: request ${request + 1} ${requests.status[request]}`;
}

/** The key of the row that shows a thing. */
export function keyOf([kind, number]: Thing): number | null {
  switch (kind) {
    case ITEM:
      return key("item", number);
    case REQUEST:
      return key("request", number);
    case TURN:
      return key("turn", number);
    case COMPACTION:
      return key("compaction", number);
    default:
      return null;
  }
}

/** The things whose rows stand for a thing in the conversation. */
export function shownAs(trace: Trace, thing: Thing): Thing[] {
  const { spans } = trace;
  const [kind, number] = thing;
  const items = (list: readonly number[]) => list.map((item): Thing => [ITEM, item]);
  switch (kind) {
    case CALL: {
      const cell = spans.calls.byCell[number];
      const own = [...items(spans.calls.callItems.list(number)), ...items(spans.calls.outputItems.list(number))];
      return own.length > 0 || cell == null ? own : shownAs(trace, [CELL, cell]);
    }
    case CELL: {
      const source = spans.cells.sourceItem[number];
      return source == null ? items(spans.cells.outputItems.list(number)) : items([source]);
    }
    case OPERATION: {
      const call = spans.operations.call[number];
      return call == null ? [] : shownAs(trace, [CALL, call]);
    }
    case TERMINAL: {
      const first = spans.terminals.operations.list(number)[0];
      return first === undefined ? [] : shownAs(trace, [OPERATION, first]);
    }
    case EDGE: {
      const source = spans.edges.source.get(number);
      return [...(source == null || source[0] === EDGE ? [] : shownAs(trace, source)), ...items(spans.edges.items.list(number))];
    }
    default:
      return [thing];
  }
}
