/** Where everything of a rollout lies in the timeline: agents below one another, each a group of lanes. */
import type { Thing } from "../api";
import { callWords, command } from "../data/names";
import { AGENT, CALL, CELL, OPERATION, REQUEST, TERMINAL, TURN, type Trace } from "../data/trace";
import { type Axis, idleStretches, orderAxis, timeAxis } from "../pure/axis";
import { MOST_LANES, packLanes } from "../pure/lanes";
import type { ColorName } from "../pure/palette";

export type LaneKind = "turns" | "model" | "tools" | "more" | "scripts" | "terminals" | "folded-model" | "folded-tools";

export const HEIGHTS: Readonly<Record<LaneKind, number>> = {
  turns: 13,
  model: 18,
  tools: 18,
  more: 30,
  scripts: 18,
  terminals: 9,
  "folded-model": 11,
  "folded-tools": 8,
};

export const HEAD = 20;
/** The height of a closed agent: its button must be easy to hit. */
export const CLOSED = 24;
/** The space between two lanes, and after an agent. */
const BETWEEN = 2;
const AFTER = 6;
/** How many agents are open at first. */
const MOST_OPEN = 6;

/** Bars of one lane, by their start. They do not overlap. */
export interface Lane {
  readonly kind: LaneKind;
  readonly label: string;
  readonly color: ColorName;
  readonly y: number;
  readonly height: number;
  readonly things: readonly Thing[];
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Of processes: when their operations run, from and to in turn, by their start. */
  readonly pieces?: Float64Array;
  /** Of the area of further tools: how many run from each place on. */
  readonly steps?: { readonly at: readonly number[]; readonly more: readonly number[]; readonly most: number };
}

export interface Group {
  readonly agent: number;
  readonly open: boolean;
  readonly y: number;
  readonly height: number;
  readonly lanes: readonly Lane[];
  readonly from: number;
  readonly to: number;
}

/** The critical path: the place of each segment, and the lane of what took its time. */
export interface PathPlaces {
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly lane: readonly (Lane | null)[];
}

export interface Layout {
  readonly axis: Axis;
  readonly path: PathPlaces;
  readonly groups: readonly Group[];
  readonly height: number;
  /** The lane and the place in it of a thing that has a bar. */
  readonly find: (thing: Thing) => { readonly lane: Lane; readonly from: number; readonly to: number; readonly group: Group } | null;
}

/** When things ended, as far as it is recorded or proved. */
export interface Ends {
  readonly end: Float64Array;
  readonly endSeq: Float64Array;
  /** The rows without a recorded end. */
  readonly torn: Uint8Array;
}

interface Timed {
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

export function makeAxis(trace: Trace, ends: AllEnds, mode: "time" | "order", fold: boolean): Axis {
  if (mode === "order") {
    return orderAxis(trace.about.last_seq ?? 0);
  }
  const { requests, calls, cells } = trace.spans;
  const idle = fold
    ? idleStretches(
        [...requests.start, ...calls.start, ...cells.start],
        [...ends.requests.end, ...ends.calls.end, ...ends.cells.end],
        trace.about.end_ms,
      )
    : [];
  return timeAxis(trace.about.end_ms, idle);
}

/** The agents that are open before a person opens or closes one. */
export function openAtFirst(trace: Trace): ReadonlySet<number> {
  const agents = trace.about.agents.length;
  return new Set(agents <= MOST_OPEN ? Array.from({ length: agents }, (_, at) => at) : [0]);
}

/** The agents in the order in which they are drawn: by start, each followed by its children. */
export function agentOrder(trace: Trace): { agent: number; depth: number }[] {
  const children = new Map<number | null, number[]>();
  for (const [agent, { parent }] of trace.about.agents.entries()) {
    const of = parent === agent ? null : parent;
    children.set(of, [...(children.get(of) ?? []), agent]);
  }
  const order: { agent: number; depth: number }[] = [];
  const seen = new Set<number>();
  const add = (agent: number, depth: number) => {
    if (!seen.has(agent)) {
      seen.add(agent);
      order.push({ agent, depth });
      for (const child of children.get(agent) ?? []) {
        add(child, depth + 1);
      }
    }
  };
  for (const agent of children.get(null) ?? []) {
    add(agent, 0);
  }
  // Agents whose parents form a circle in damaged evidence.
  for (const agent of trace.about.agents.keys()) {
    add(agent, 0);
  }
  return order;
}

interface Bars {
  readonly things: Thing[];
  readonly from: number[];
  readonly to: number[];
}

export function layOut(trace: Trace, axis: Axis, ends: AllEnds, open: ReadonlySet<number>): Layout {
  const { spans, about } = trace;
  const agents = about.agents.length;
  const empty = (): Bars => ({ things: [], from: [], to: [] });
  const collect = (kind: Thing[0], table: Timed, { end, endSeq }: Ends, agentOf: (row: number) => number | null | undefined): Bars[] => {
    const bars = Array.from({ length: agents }, empty);
    for (let row = 0; row < table.start.length; row += 1) {
      const list = bars[agentOf(row) ?? -1];
      if (list !== undefined) {
        const from = axis.place(table.start[row]!, table.startSeq[row]!);
        list.things.push([kind, row]);
        list.from.push(from);
        list.to.push(Math.max(from, axis.place(end[row]!, endSeq[row]!)));
      }
    }
    return bars.map(sorted);
  };
  const turns = collect(TURN, spans.turns, ends.turns, (row) => spans.turns.agent[row]);
  const requests = collect(REQUEST, spans.requests, ends.requests, (row) => spans.requests.agent[row]);
  const calls = collect(CALL, spans.calls, ends.calls, (row) => spans.calls.agent[row]);
  const cells = collect(CELL, spans.cells, ends.cells, (row) => spans.cells.agent[row]);
  const terminals = collect(TERMINAL, spans.terminals, ends.terminals, (row) => spans.terminals.agent[row]);

  const groups: Group[] = [];
  const places = new Map<string, { lane: Lane; from: number; to: number; group: Group }>();
  let y = 0;
  for (const { agent } of agentOrder(trace)) {
    const top = y;
    const lanes: Lane[] = [];
    const isOpen = open.has(agent);
    const add = (kind: LaneKind, label: string, color: ColorName, bars: Bars, steps?: Lane["steps"]) => {
      const lane: Lane = {
        kind, label, color, y, height: HEIGHTS[kind], things: bars.things,
        from: Float64Array.from(bars.from), to: Float64Array.from(bars.to),
        ...(steps === undefined ? {} : { steps }),
        ...(kind === "terminals" ? { pieces: piecesOf(bars) } : {}),
      };
      lanes.push(lane);
      y += lane.height + BETWEEN;
    };
    const packed = (kind: LaneKind, label: string, color: ColorName, bars: Bars) => {
      const { lane, count, overflow } = packLanes(bars.from, bars.to);
      for (let at = 0; at < count; at += 1) {
        add(kind, at === 0 ? label : "", color, only(bars, (bar) => lane[bar] === at));
      }
      if (overflow.most > 0) {
        add("more", `up to ${overflow.most.toLocaleString("en")} more at once`, color, only(bars, (bar) => lane[bar] === MOST_LANES), overflow);
      }
    };
    if (isOpen) {
      y += HEAD;
      add("turns", "turns", "harness", turns[agent]!);
      packedOrOne(requests[agent]!, (bars, at) => add("model", at === 0 ? "model" : "", "model", bars));
      if (calls[agent]!.things.length > 0) {
        packed("tools", "tools", "tool", calls[agent]!);
      }
      if (cells[agent]!.things.length > 0) {
        packed("scripts", "scripts", "script", cells[agent]!);
      }
      if (terminals[agent]!.things.length > 0) {
        packed("terminals", "terminals", "tool", terminals[agent]!);
      }
      y += AFTER;
    } else {
      y += 2;
      add("folded-model", "", "model", requests[agent]!);
      y -= BETWEEN;
      add("folded-tools", "", "tool", calls[agent]!);
      y = top + CLOSED;
    }
    const all = [turns[agent]!, requests[agent]!, calls[agent]!];
    const group: Group = {
      agent, open: isOpen, y: top, height: y - top, lanes,
      from: Math.min(...all.map((bars) => bars.from[0] ?? Number.POSITIVE_INFINITY)),
      to: Math.max(0, ...all.map((bars) => bars.to.reduce((most, to) => Math.max(most, to), 0))),
    };
    groups.push(group);
    for (const lane of lanes) {
      for (const [at, thing] of lane.things.entries()) {
        places.set(thing.join(":"), { lane, from: lane.from[at]!, to: lane.to[at]!, group });
      }
    }
  }
  const find: Layout["find"] = (thing) => {
    const found = places.get(thing.join(":"));
    if (found !== undefined) {
      return found;
    }
    if (thing[0] === OPERATION) {
      const call = spans.operations.call[thing[1]];
      return call == null ? null : (places.get(`${CALL}:${call}`) ?? null);
    }
    if (thing[0] === AGENT) {
      const group = groups.find(({ agent }) => agent === thing[1]);
      return group === undefined || group.lanes[0] === undefined || !Number.isFinite(group.from)
        ? null
        : { lane: group.lanes[0], from: group.from, to: group.to, group };
    }
    return null;
  };
  return { axis, groups, height: y, find, path: pathPlaces() };

  function piecesOf(bars: Bars): Float64Array {
    const { operations } = spans;
    const pieces: [number, number][] = [];
    for (const [, terminal] of bars.things) {
      for (const operation of spans.terminals.operations.list(terminal)) {
        const from = axis.place(operations.start[operation]!, operations.startSeq[operation]!);
        pieces.push([from, Math.max(from, axis.place(ends.operations.end[operation]!, ends.operations.endSeq[operation]!))]);
      }
    }
    pieces.sort((a, b) => a[0] - b[0]);
    return Float64Array.from(pieces.flat());
  }

  function pathPlaces(): PathPlaces {
    const { path } = spans;
    const from = new Float64Array(path.start.length);
    const to = new Float64Array(path.start.length);
    const lane: (Lane | null)[] = [];
    for (let at = 0; at < from.length; at += 1) {
      const thing = path.thing[at];
      const found = thing == null ? null : (places.get(thing.join(":")) ?? null);
      lane.push(found !== null && found.group.open ? found.lane : null);
      // In order of events only what took the time has a place.
      from[at] = axis.kind === "time" ? axis.place(path.start[at]!, null) : (found?.from ?? Number.NaN);
      to[at] = axis.kind === "time" ? axis.place(path.start[at]! + path.ms[at]!, null) : (found?.to ?? Number.NaN);
    }
    return { from, to, lane };
  }

  function packedOrOne(bars: Bars, put: (bars: Bars, at: number) => void): void {
    const { lane, count } = packLanes(bars.from, bars.to, 3);
    if (count <= 1) {
      put(bars, 0);
      return;
    }
    for (let at = 0; at < count; at += 1) {
      put(only(bars, (bar) => lane[bar] === at || at === count - 1 && lane[bar]! > at), at);
    }
  }
}

function sorted(bars: Bars): Bars {
  const order = bars.from.map((_, at) => at).sort((a, b) => bars.from[a]! - bars.from[b]! || a - b);
  return pick(bars, order);
}

function only(bars: Bars, has: (bar: number) => boolean): Bars {
  return pick(bars, bars.from.map((_, at) => at).filter(has));
}

function pick(bars: Bars, order: readonly number[]): Bars {
  return { things: order.map((at) => bars.things[at]!), from: order.map((at) => bars.from[at]!), to: order.map((at) => bars.to[at]!) };
}

/** What a bar says, the longest form first. Only commands may be cut. */
export function barWords(trace: Trace, [kind, number]: Thing): { words: readonly string[]; cut: boolean } {
  const { spans } = trace;
  switch (kind) {
    case TURN:
      return { words: [`turn ${number + 1}`, `${number + 1}`], cut: false };
    case REQUEST:
      return { words: [`request ${number + 1}`, `${number + 1}`], cut: false };
    case CALL: {
      const { name, label, operation } = spans.calls;
      if (operation[number] == null) {
        return { words: [name[number]!], cut: true };
      }
      const said = command(label[number] ?? "");
      return { words: [said === "" ? name[number]! : said], cut: true };
    }
    case CELL:
      return { words: ["script"], cut: false };
    default:
      return { words: [callWords(trace, number)], cut: true };
  }
}
