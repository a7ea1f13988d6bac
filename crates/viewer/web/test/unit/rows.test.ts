import { expect, test } from "vitest";
import { ListColumn } from "../../src/data/columns";
import { type Row, conversation, rowKey } from "../../src/data/rows";
import type { Trace } from "../../src/data/trace";

interface Item {
  readonly number: number;
  readonly kind: string;
  readonly callId?: string;
  /** The first request that carried it. */
  readonly carrier?: number;
}

const lists = (rows: readonly (readonly number[])[]) =>
  new ListColumn({
    runs: rows.map((row) => row.length),
    first: rows.flat().map((number, at, all) => number - (all[at - 1] ?? 0)),
    count: rows.flat().map(() => 1),
  });

/** A trace of one agent with these items; each request has its answer and its event. */
function traceOf(items: readonly Item[], answers: readonly (readonly number[])[], seqs: readonly number[], compactions: readonly number[] = []): Trace {
  const rows = items.map((_, row) => row);
  return {
    about: { is_followed: false },
    items: {
      number: items.map(({ number }) => number),
      row: new Map(items.map(({ number }, row) => [number, row])),
      ofAgent: () => rows,
      kind: items.map(({ kind }) => kind),
      callId: items.map(({ callId }) => callId ?? null),
      firstCarrier: items.map(({ carrier }) => carrier ?? null),
      firstSeq: items.map(({ number }) => number * 10),
    },
    spans: {
      turns: { startSeq: [1] },
      requests: {
        agent: answers.map(() => 0), answer: lists(answers), answered: new Set(answers.flatMap((answer, row) => (answer.length > 0 ? [row] : []))),
        startSeq: seqs, end: answers.map((answer) => (answer.length > 0 ? 1 : null)), status: answers.map(() => "completed"), error: {}, cancelReason: {},
      },
      compactions: { seq: compactions },
    },
    ofAgent: () => ({ requests: answers.map((_, row) => row), turns: [0], compactions: compactions.map((_, row) => row) }),
  } as unknown as Trace;
}

function drawn(row: Row): string {
  switch (row.kind) {
    case "item":
      return `[${row.item}]${row.outputs.map((output) => `(${output})`).join("")}${row.unseen ? "?" : ""}`;
    case "missing":
      return `missing ${row.request}`;
    case "more":
      return `${row.count} more`;
    default:
      return `${row.kind} ${row.kind === "request" ? row.request : row.kind === "turn" ? row.turn : row.compaction}`;
  }
}

const message = (number: number, carrier?: number): Item => ({ number, kind: "message", ...(carrier === undefined ? {} : { carrier }) });

test("items stand before the request that carried them first, answers after it, and outputs under their calls", () => {
  const items = [message(1, 0), { number: 2, kind: "function_call", callId: "a" }, { number: 3, kind: "function_call_output", callId: "a", carrier: 1 }, message(4)];
  const { rows, at } = conversation(traceOf(items, [[2], [4]], [12, 32]), 0, new Set(), 0);
  expect(rows.map(drawn)).toEqual(["turn 0", "[1]", "request 0", "[2](3)", "request 1", "[4]"]);
  // An output is found where its call is.
  expect(at.get(rowKey({ kind: "item", item: 3, outputs: [], unseen: false }))).toBe(3);
});

test("what no request carried is there at its event, and says so", () => {
  const items = [message(1, 0), message(2), { number: 5, kind: "compaction_marker" }];
  const { rows } = conversation(traceOf(items, [[]], [12], [15]), 0, new Set(), 0);
  expect(rows.map(drawn)).toEqual(["turn 0", "[1]", "request 0", "missing 0", "compaction 0", "[2]?"]);
});

test("of many calls in one answer some are shown, and all once they are asked for", () => {
  const calls = Array.from({ length: 100 }, (_, at): Item => ({ number: at + 2, kind: "function_call", callId: `c${at}` }));
  const trace = traceOf([message(1, 0), ...calls], [calls.map(({ number }) => number)], [12]);
  const few = conversation(trace, 0, new Set(), 0);
  expect(few.rows.map(drawn).slice(-2)).toEqual(["[31]", "70 more"]);
  // A hidden call is found where the fold is.
  expect(few.rows[few.at.get(rowKey({ kind: "item", item: 90, outputs: [], unseen: false }))!]!.kind).toBe("more");
  expect(conversation(trace, 0, new Set([0]), 0).rows).toHaveLength(103);
});

test("keys are numbers of their own", () => {
  const rows: Row[] = [
    { kind: "turn", turn: 1 }, { kind: "request", request: 1 }, { kind: "compaction", compaction: 1 }, { kind: "missing", request: 1, why: "" },
    { kind: "more", request: 1, count: 1 }, { kind: "item", item: 1, outputs: [], unseen: false }, { kind: "item", item: 2, outputs: [], unseen: false },
  ];
  expect(new Set(rows.map(rowKey)).size).toBe(rows.length);
});
