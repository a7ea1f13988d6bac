/** Where everything lies on the axis, and in which lane of its agent: once for each axis, whichever agents are open. */
import type { Kind } from "../api";
import { CALL, CELL, REQUEST, TERMINAL, TURN, type Trace } from "../data/trace";
import type { Axis } from "../pure/axis";
import { MOST_LANES, packLanes } from "../pure/lanes";
import type { ColorName } from "../pure/palette";
import type { AllEnds, Ends, Timed } from "./ends";

export type LaneKind = "turns" | "model" | "tools" | "more" | "scripts" | "terminals" | "folded-model" | "folded-tools";

const HEIGHTS: Readonly<Record<LaneKind, number>> = {
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
/** How many lanes requests may take that run at once. */
const MODEL_LANES = 3;
/** The lane of what has none. */
const NO_LANE = 255;

/** Things of one kind that lie on the axis. */
export interface Table {
  readonly kind: Kind;
  readonly agent: readonly (number | null)[];
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** The rows of each agent, by their start. */
  readonly ofAgent: readonly Int32Array[];
  /** Which lane of its agent has the bar of a row, once that agent was open. */
  readonly lane: Uint8Array;
}

/** Bars of one lane, by their start. They do not overlap, except in the lanes of closed agents and of what is more. */
export interface Bars {
  readonly of: Kind;
  readonly rows: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

export interface PlannedLane extends Bars {
  readonly kind: LaneKind;
  readonly label: string;
  readonly color: ColorName;
  /** Its place below the top of its agent. */
  readonly top: number;
  readonly height: number;
  /** Of processes: when their operations run, from and to in turn, by their start. */
  readonly pieces?: Float64Array;
  /** Of the area of further tools: how many run from each place on. */
  readonly steps?: { readonly at: readonly number[]; readonly more: readonly number[]; readonly most: number };
}

/** The lanes of an agent. */
export interface Plan {
  readonly lanes: readonly PlannedLane[];
  readonly height: number;
}

export class Places {
  readonly axis: Axis;
  readonly tables: ReadonlyMap<Kind, Table>;
  /** The segments of the critical path. */
  readonly path: { readonly from: Float64Array; readonly to: Float64Array };
  readonly #trace: Trace;
  readonly #ends: AllEnds;
  readonly #open = new Map<number, Plan>();
  readonly #closed = new Map<number, Plan>();

  constructor(trace: Trace, axis: Axis, ends: AllEnds) {
    const { turns, requests, calls, cells, terminals } = trace.spans;
    this.#trace = trace;
    this.#ends = ends;
    this.axis = axis;
    const table = (kind: Kind, timed: Timed & { readonly agent: readonly (number | null)[] }, end: Ends) =>
      [kind, tableOf(kind, timed, end, axis, trace.about.agents.length)] as const;
    this.tables = new Map([
      table(TURN, turns, ends.turns), table(REQUEST, requests, ends.requests), table(CALL, calls, ends.calls),
      table(CELL, cells, ends.cells), table(TERMINAL, terminals, ends.terminals),
    ]);
    this.path = this.#pathPlaces();
  }

  /** The lanes of an agent that is open. */
  open(agent: number): Plan {
    return cached(this.#open, agent, () => this.#openPlan(agent));
  }

  /** The two halves of an agent that is closed. */
  closed(agent: number): Plan {
    return cached(this.#closed, agent, () => {
      const lane = (kind: LaneKind, color: ColorName, of: Kind, top: number): PlannedLane =>
        ({ kind, label: "", color, top, height: HEIGHTS[kind], ...this.#bars(of, agent) });
      return { lanes: [lane("folded-model", "model", REQUEST, 2), lane("folded-tools", "tool", CALL, 2 + HEIGHTS["folded-model"])], height: CLOSED };
    });
  }

  /** From where to where an agent works. */
  extent(agent: number): readonly [number, number] {
    let [first, last] = [Number.POSITIVE_INFINITY, 0];
    for (const kind of [TURN, REQUEST, CALL] as const) {
      const { from, to } = this.#bars(kind, agent);
      first = Math.min(first, from[0] ?? Number.POSITIVE_INFINITY);
      last = to.reduce((most, end) => Math.max(most, end), last);
    }
    return [first, last];
  }

  #bars(kind: Kind, agent: number): Bars {
    const { from, to, ofAgent } = this.tables.get(kind)!;
    const rows = ofAgent[agent]!;
    return { of: kind, rows, from: Float64Array.from(rows, (row) => from[row]!), to: Float64Array.from(rows, (row) => to[row]!) };
  }

  #openPlan(agent: number): Plan {
    const lanes: PlannedLane[] = [];
    let y = HEAD;
    const add = (kind: LaneKind, label: string, color: ColorName, bars: Bars, steps?: PlannedLane["steps"]) => {
      const { lane } = this.tables.get(bars.of)!;
      for (const row of bars.rows) {
        lane[row] = lanes.length;
      }
      lanes.push({
        kind, label, color, top: y, height: HEIGHTS[kind], ...bars,
        ...(steps === undefined ? {} : { steps }),
        ...(kind === "terminals" ? { pieces: this.#pieces(bars) } : {}),
      });
      y += HEIGHTS[kind] + BETWEEN;
    };
    const packed = (kind: LaneKind, color: ColorName, of: Kind) => {
      const bars = this.#bars(of, agent);
      const { lane, count, overflow } = packLanes(bars.from, bars.to);
      for (let at = 0; at < count; at += 1) {
        add(kind, at === 0 ? kind : "", color, count === 1 && overflow.most === 0 ? bars : only(bars, (bar) => lane[bar] === at));
      }
      if (overflow.most > 0) {
        add("more", `up to ${overflow.most.toLocaleString("en")} more at once`, color, only(bars, (bar) => lane[bar] === MOST_LANES), overflow);
      }
    };
    add("turns", "turns", "harness", this.#bars(TURN, agent));
    const requests = this.#bars(REQUEST, agent);
    const { lane, count } = packLanes(requests.from, requests.to, MODEL_LANES);
    if (count <= 1) {
      add("model", "model", "model", requests);
    }
    for (let at = 0; count > 1 && at < count; at += 1) {
      // Requests for which there is no lane lie in the last one.
      add("model", at === 0 ? "model" : "", "model", only(requests, (bar) => Math.min(lane[bar]!, count - 1) === at));
    }
    packed("tools", "tool", CALL);
    packed("scripts", "script", CELL);
    packed("terminals", "tool", TERMINAL);
    return { lanes, height: y + AFTER };
  }

  #pieces({ rows }: Bars): Float64Array {
    const { operations, terminals } = this.#trace.spans;
    const { end, endSeq } = this.#ends.operations;
    const pieces: [number, number][] = [];
    for (const terminal of rows) {
      for (const operation of terminals.operations.list(terminal)) {
        const from = this.axis.place(operations.start[operation]!, operations.startSeq[operation]!);
        pieces.push([from, Math.max(from, this.axis.place(end[operation]!, endSeq[operation]!))]);
      }
    }
    pieces.sort((a, b) => a[0] - b[0]);
    return Float64Array.from(pieces.flat());
  }

  #pathPlaces(): { from: Float64Array; to: Float64Array } {
    const { start, ms, thing } = this.#trace.spans.path;
    const from = new Float64Array(start.length);
    const to = new Float64Array(start.length);
    for (let at = 0; at < from.length; at += 1) {
      if (this.axis.kind === "time") {
        from[at] = this.axis.place(start[at]!, null);
        to[at] = this.axis.place(start[at]! + ms[at]!, null);
      } else {
        // In the order of events only what took the time has a place.
        const [kind, row] = thing.get(at) ?? [-1, 0];
        const table = this.tables.get(kind as Kind);
        from[at] = table?.from[row] ?? Number.NaN;
        to[at] = table?.to[row] ?? Number.NaN;
      }
    }
    return { from, to };
  }
}

function cached(known: Map<number, Plan>, agent: number, make: () => Plan): Plan {
  let plan = known.get(agent);
  if (plan === undefined) {
    plan = make();
    known.set(agent, plan);
  }
  return plan;
}

function tableOf(kind: Kind, timed: Timed & { readonly agent: readonly (number | null)[] }, { end, endSeq }: Ends, axis: Axis, agents: number): Table {
  const count = timed.start.length;
  const from = new Float64Array(count);
  const to = new Float64Array(count);
  const rows: number[][] = Array.from({ length: agents }, () => []);
  for (let row = 0; row < count; row += 1) {
    from[row] = axis.place(timed.start[row]!, timed.startSeq[row]!);
    to[row] = Math.max(from[row]!, axis.place(end[row]!, endSeq[row]!));
    rows[timed.agent[row] ?? -1]?.push(row);
  }
  const ofAgent = rows.map((list) => Int32Array.from(list).sort((a, b) => from[a]! - from[b]! || a - b));
  return { kind, agent: timed.agent, from, to, ofAgent, lane: new Uint8Array(count).fill(NO_LANE) };
}

function only(bars: Bars, has: (bar: number) => boolean): Bars {
  const order: number[] = [];
  for (let bar = 0; bar < bars.rows.length; bar += 1) {
    if (has(bar)) {
      order.push(bar);
    }
  }
  return {
    of: bars.of,
    rows: Int32Array.from(order, (bar) => bars.rows[bar]!),
    from: Float64Array.from(order, (bar) => bars.from[bar]!),
    to: Float64Array.from(order, (bar) => bars.to[bar]!),
  };
}
