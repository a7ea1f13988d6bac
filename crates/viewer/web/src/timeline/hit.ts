/** What lies under the pointer, and what is said of it. */
import type { Thing } from "../api";
import { wordsOf } from "../data/names";
import { AGENT, CALL, CELL, COMPACTION, EDGE, OPERATION, REQUEST, TERMINAL, TURN } from "../data/trace";
import { duration, short, words } from "../pure/format";
import { arrowsIn } from "./arrows";
import { headAt } from "./draw";
import { type Lane, thingAt } from "./layout";
import { HEAD } from "./places";
import { type Scene, type View, xOf } from "./scene";

/** How far a pointer may miss a bar. */
const NEAR = 3;

/** Where a pointer is: in pixels from the left, and from the top of all lanes; and on the axis. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly place: number;
  readonly width: number;
  readonly scroll: number;
}

/** What lies under the pointer. */
export function hitAt(scene: Scene, view: View, { x, y, place, width, scroll }: Spot): Thing | null {
  for (const group of scene.layout.groups) {
    if (y < group.y || y >= group.y + group.height) {
      continue;
    }
    const head = headAt(group, scroll);
    if (group.open && head > group.y && y < head + HEAD) {
      return [AGENT, group.agent];
    }
    for (const lane of group.lanes) {
      if (y >= lane.y - 1 && y < lane.y + lane.height + 1) {
        const hit = barAt(lane, place, ((view.to - view.from) / width) * NEAR);
        if (hit !== null) {
          return hit;
        }
      }
    }
    const compaction = compactionAt(scene, view, group.agent, x, width);
    if (compaction !== null && y < group.y + HEAD + 34) {
      return compaction;
    }
    const arrow = arrowsIn(scene, view, width).find(({ x0, y0, x1, y1 }) => Math.hypot(x - x0, y - y0) < 6 || Math.hypot(x - x1, y - y1) < 7);
    if (arrow !== undefined) {
      return [EDGE, arrow.edge];
    }
    if (group.open && y < group.y + HEAD) {
      return [AGENT, group.agent];
    }
  }
  return null;
}

/** The bars of the area under the pointer, which are too many to be drawn one by one. */
export function moreAt(scene: Scene, view: View, { y, place, width }: Spot): Thing[] {
  const near = ((view.to - view.from) / width) * NEAR;
  for (const group of scene.layout.groups) {
    for (const lane of group.lanes) {
      if (lane.kind === "more" && y >= lane.y && y < lane.y + lane.height) {
        const things: Thing[] = [];
        for (let bar = 0; bar < lane.rows.length && lane.from[bar]! <= place + near; bar += 1) {
          if (lane.to[bar]! >= place - near) {
            things.push([lane.of, lane.rows[bar]!]);
          }
        }
        return things;
      }
    }
  }
  return [];
}

function compactionAt(scene: Scene, view: View, agent: number, x: number, width: number): Thing | null {
  const { compactions } = scene.trace.spans;
  for (const [row, at] of compactions.at.entries()) {
    if (compactions.agent[row] === agent && Math.abs(xOf(view, width, scene.layout.places.axis.place(at, compactions.seq[row]!)) - x) < 6) {
      return [COMPACTION, row];
    }
  }
  return null;
}

/** The bar at a place, or the nearest one within `near`. */
function barAt(lane: Lane, place: number, near: number): Thing | null {
  let best: Thing | null = null;
  let distance = near;
  let low = 0;
  let high = lane.from.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lane.from[middle]! <= place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (let bar = Math.max(0, low - 40); bar < Math.min(lane.from.length, low + 2); bar += 1) {
    const away = place < lane.from[bar]! ? lane.from[bar]! - place : place > lane.to[bar]! ? place - lane.to[bar]! : 0;
    if (away <= distance && (away < distance || away === 0 || best === null)) {
      best = thingAt(lane, bar);
      distance = away;
    }
  }
  return best;
}

export function tipLines(scene: Scene, thing: Thing): string[] {
  const { trace } = scene;
  const { spans } = trace;
  const [kind, number] = thing;
  const lines = [wordsOf(trace, thing, 110)];
  const table = { [REQUEST]: spans.requests, [TURN]: spans.turns, [CALL]: spans.calls, [CELL]: spans.cells, [OPERATION]: spans.operations, [TERMINAL]: spans.terminals }[kind as number];
  if (table !== undefined) {
    const end = table.end[number];
    const torn = end == null;
    const status = torn ? (trace.about.is_followed ? "running" : "no end recorded") : words(table.status[number]!);
    lines.push(`${status}${torn ? "" : ` · ${duration(end - table.start[number]!)}`} · at ${duration(table.start[number]!)}`);
  }
  if (kind === REQUEST) {
    const tokens = trace.requestTokens(number);
    lines.push(`${tokens === null ? "not readable" : `~${short(tokens)} tokens`}${spans.requests.cached[number] == null ? "" : ` · ${short(spans.requests.cached[number]!)} of ${short(spans.requests.input[number] ?? 0)} cached`}`);
  }
  if (kind === REQUEST || kind === CALL) {
    lines.push(spans.path.thing.has(thing) ? "on the critical path" : "not on the critical path");
  }
  return lines;
}
