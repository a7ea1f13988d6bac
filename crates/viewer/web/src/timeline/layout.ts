/** Where everything of a rollout lies in the timeline: agents below one another, each a group of lanes. */
import type { Thing } from "../api";
import { AGENT, CALL, OPERATION, REQUEST, type Trace } from "../data/trace";
import { type Axis, idleStretches, orderAxis, timeAxis } from "../pure/axis";
import type { AllEnds } from "./ends";
import type { Places, PlannedLane } from "./places";

/** How many agents are open at first. */
const MOST_OPEN = 6;

export interface Lane extends PlannedLane {
  readonly y: number;
}

export interface Group {
  readonly agent: number;
  readonly open: boolean;
  readonly y: number;
  readonly height: number;
  readonly lanes: readonly Lane[];
}

/** Where a thing has its bar. */
export interface Found {
  readonly lane: Lane;
  readonly from: number;
  readonly to: number;
  readonly group: Group;
}

export interface Layout {
  readonly places: Places;
  readonly groups: readonly Group[];
  readonly height: number;
  readonly groupOf: (agent: number | null | undefined) => Group | undefined;
  /** The lane and the place in it of a thing that has a bar. */
  readonly find: (thing: Thing) => Found | null;
}

/** The thing of a bar. */
export function thingAt(lane: Lane, bar: number): Thing | null {
  const row = lane.rows[bar];
  return row === undefined ? null : [lane.of, row];
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

export function layOut(trace: Trace, places: Places, open: ReadonlySet<number>): Layout {
  const groups: Group[] = [];
  const byAgent = new Map<number, Group>();
  let y = 0;
  for (const { agent } of agentOrder(trace)) {
    const isOpen = open.has(agent);
    const plan = isOpen ? places.open(agent) : places.closed(agent);
    const top = y;
    const group = { agent, open: isOpen, y: top, height: plan.height, lanes: plan.lanes.map((lane) => ({ ...lane, y: top + lane.top })) };
    groups.push(group);
    byAgent.set(agent, group);
    y += plan.height;
  }
  const groupOf: Layout["groupOf"] = (agent) => (agent == null ? undefined : byAgent.get(agent));
  const find: Layout["find"] = ([kind, row]) => {
    if (kind === OPERATION) {
      const call = trace.spans.operations.call[row];
      return call == null ? null : find([CALL, call]);
    }
    const table = places.tables.get(kind);
    const group = groupOf(kind === AGENT ? row : table?.agent[row]);
    if (group === undefined) {
      return null;
    }
    if (kind === AGENT) {
      const [from, to] = places.extent(row);
      return group.lanes[0] === undefined || !Number.isFinite(from) ? null : { lane: group.lanes[0], from, to, group };
    }
    const lane = group.open ? group.lanes[table!.lane[row]!] : kind === REQUEST ? group.lanes[0] : kind === CALL ? group.lanes[1] : undefined;
    return lane === undefined ? null : { lane, from: table!.from[row]!, to: table!.to[row]!, group };
  };
  return { places, groups, height: y, groupOf, find };
}
