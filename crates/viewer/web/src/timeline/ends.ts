/** When things ended. */
import type { Trace } from "../data/trace";

/** When things ended, as far as it is recorded or proved. */
export interface Ends {
  readonly end: Float64Array;
  readonly endSeq: Float64Array;
  /** The rows without a recorded end. */
  readonly torn: Uint8Array;
}

export interface Timed {
  readonly start: readonly number[];
  readonly end: readonly (number | null)[];
  readonly startSeq: readonly number[];
  readonly endSeq: readonly (number | null)[];
}

export interface AllEnds {
  readonly turns: Ends;
  readonly requests: Ends;
  readonly calls: Ends;
  readonly cells: Ends;
  readonly operations: Ends;
  readonly terminals: Ends;
}

/** An end that is not recorded is that of the rollout, unless a later request or turn of the agent proves an earlier one. */
export function endsOf(trace: Trace): AllEnds {
  const { spans, about } = trace;
  const last = about.last_seq ?? 0;
  const nextOf = (seqs: readonly number[][]) => (agent: number, seq: number): number | null => {
    const list = seqs[agent] ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle]! <= seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return list[low] ?? null;
  };
  const starts = (of: readonly number[], seqs: readonly number[]) => {
    const lists: number[][] = about.agents.map(() => []);
    for (const [row, agent] of of.entries()) {
      lists[agent]?.push(seqs[row]!);
    }
    return lists.map((list) => list.sort((a, b) => a - b));
  };
  const turnSeqs = starts(spans.turns.agent, spans.turns.startSeq);
  const workSeqs = starts([...spans.requests.agent, ...spans.turns.agent], [...spans.requests.startSeq, ...spans.turns.startSeq]);
  const msOf = new Map<number, number>();
  for (const table of [spans.requests, spans.turns]) {
    for (const [row, seq] of table.startSeq.entries()) {
      msOf.set(seq, table.start[row]!);
    }
  }
  const nextTurn = nextOf(turnSeqs);
  const nextWork = nextOf(workSeqs);
  const ends = (table: Timed, agentOf: (row: number) => number | null, next: ((agent: number, seq: number) => number | null) | null): Ends => {
    const end = new Float64Array(table.start.length);
    const endSeq = new Float64Array(table.start.length);
    const torn = new Uint8Array(table.start.length);
    for (let row = 0; row < end.length; row += 1) {
      const recorded = table.end[row];
      if (recorded != null) {
        end[row] = recorded;
        endSeq[row] = table.endSeq[row] ?? table.startSeq[row]!;
        continue;
      }
      torn[row] = 1;
      const agent = agentOf(row);
      const proof = next === null || agent === null ? null : next(agent, table.startSeq[row]!);
      end[row] = Math.max(table.start[row]!, proof === null ? about.end_ms : (msOf.get(proof) ?? about.end_ms));
      endSeq[row] = proof ?? last + 1;
    }
    return { end, endSeq, torn };
  };
  const { turns, requests, calls, cells, operations, terminals } = spans;
  return {
    turns: ends(turns, (row) => turns.agent[row]!, nextTurn),
    requests: ends(requests, (row) => requests.agent[row]!, nextWork),
    calls: ends(calls, (row) => calls.agent[row]!, nextWork),
    cells: ends(cells, (row) => cells.agent[row]!, null),
    operations: ends(operations, () => null, null),
    terminals: ends(terminals, () => null, null),
  };
}
