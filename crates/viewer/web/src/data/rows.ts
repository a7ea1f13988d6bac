/** The rows of an agent's conversation. */
import { ITEM, REQUEST, type Trace } from "./trace";

/** How many calls of one answer are rows; of more, the first `FEWER_CALLS` are. */
const MOST_CALLS = 60;
const FEWER_CALLS = 30;

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
  readonly at: ReadonlyMap<string, number>;
}

export function rowKey(row: Row): string {
  switch (row.kind) {
    case "turn":
      return `t${row.turn}`;
    case "request":
      return `r${row.request}`;
    case "compaction":
      return `c${row.compaction}`;
    case "item":
      return `i${row.item}`;
    case "missing":
      return `m${row.request}`;
    case "more":
      return `+${row.request}`;
  }
}

export function isOutput(kind: string): boolean {
  return kind.endsWith("_output");
}

export function isCall(kind: string): boolean {
  return kind.endsWith("_call");
}

/** Builds the conversation of an agent. `shown` are requests whose calls are all shown. */
export function conversation(trace: Trace, agent: number, shown: ReadonlySet<number>): Conversation {
  const rows: Row[] = [];
  const at = new Map<string, number>();
  const { items, spans } = trace;
  if (items === null) {
    return { rows, at };
  }
  const { requests, turns, compactions } = trace.ofAgent(agent);
  const folded = outputsByCall(trace, agent);
  const answered = new Set<number>();
  const carried = new Map<number, number[]>();
  const loose: number[] = [];
  for (const request of requests) {
    for (const item of spans.requests.answer.list(request)) {
      answered.add(item);
    }
  }
  for (const [row, item] of items.number.entries()) {
    if (items.agent[row] !== agent || answered.has(item) || folded.under.has(item)) {
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
    const outputs = folded.of.get(item) ?? [];
    for (const output of outputs) {
      at.set(`i${output}`, rows.length);
    }
    push({ kind: "item", item, outputs, unseen });
  };
  const pushAnswer = (request: number) => {
    const answer = spans.requests.answer.list(request);
    const calls = answer.filter((item) => isCall(items.kind[items.row.get(item) ?? -1] ?? ""));
    const hidden = calls.length > MOST_CALLS && !shown.has(request) ? new Set(calls.slice(FEWER_CALLS)) : null;
    for (const item of answer) {
      if (hidden?.has(item)) {
        at.set(`i${item}`, rows.length);
        for (const output of folded.of.get(item) ?? []) {
          at.set(`i${output}`, rows.length);
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
function outputsByCall(trace: Trace, agent: number): { of: Map<number, number[]>; under: Map<number, number> } {
  const items = trace.items!;
  const last = new Map<string, number>();
  const of = new Map<number, number[]>();
  const under = new Map<number, number>();
  for (const [row, item] of items.number.entries()) {
    const id = items.callId[row];
    if (items.agent[row] !== agent || id == null) {
      continue;
    }
    if (!isOutput(items.kind[row]!)) {
      last.set(id, item);
      continue;
    }
    const call = last.get(id);
    if (call !== undefined) {
      under.set(item, call);
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
export function keyOf([kind, number]: readonly [number, number]): string | null {
  switch (kind) {
    case ITEM:
      return `i${number}`;
    case REQUEST:
      return `r${number}`;
    case 2:
      return `t${number}`;
    case 9:
      return `c${number}`;
    default:
      return null;
  }
}
