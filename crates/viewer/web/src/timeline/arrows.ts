/** The arrows between agents: spawning, messages and results. */
import type { Thing } from "../api";
import { AGENT, CALL, REQUEST, type Trace } from "../data/trace";
import { type Scene, type View, xOf } from "./scene";
import { HEAD } from "./places";

/** The most arrows at once; of more only those of the selection are drawn. */
const MOST_ARROWS = 300;

export interface Arrow {
  readonly edge: number;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** The arrows in view, which are also what a click can hit. */
export function arrowsIn(scene: Scene, view: View, width: number): Arrow[] {
  const { trace, layout } = scene;
  const { edges } = trace.spans;
  const arrows: Arrow[] = [];
  for (let edge = 0; edge < edges.id.length; edge += 1) {
    const start = layout.places.axis.place(edges.start[edge]!, edges.startSeq[edge]!);
    const source = senderOf(trace, edges.source.get(edge));
    const sender = source === null ? null : layout.find(source);
    const arrival = edges.arrival[edge];
    const receiver = arrival == null ? null : layout.find([REQUEST, arrival]);
    const head = layout.groupOf(edges.to[edge]);
    const from = sender === null ? start : receiver === null ? Math.max(sender.from, Math.min(start, sender.to)) : Math.min(sender.to, receiver.from);
    const x0 = xOf(view, width, from);
    const fromGroup = layout.groupOf(edges.from[edge]);
    const y0 = sender !== null ? sender.lane.y + sender.lane.height / 2 : fromGroup === undefined ? null : fromGroup.y + HEAD / 2;
    const x1 = receiver !== null ? xOf(view, width, receiver.from) : x0;
    const y1 = receiver !== null ? receiver.lane.y + receiver.lane.height / 2 : head === undefined ? null : head.y + HEAD / 2;
    if (y0 === null || y1 === null || Math.max(x0, x1) < -40 || Math.min(x0, x1) > width + 40) {
      continue;
    }
    arrows.push({ edge, x0, y0, x1, y1 });
    if (arrows.length > MOST_ARROWS) {
      return arrows.filter((arrow) => arrow.edge === scene.selectedEdge);
    }
  }
  return arrows;
}

/** What sent an interaction, as a thing that has a bar. */
function senderOf(trace: Trace, source: Thing | null): Thing | null {
  if (source === null || source[0] === AGENT) {
    return null;
  }
  if (source[0] === 0) {
    const row = trace.items?.row.get(source[1]);
    return row === undefined ? null : (trace.items!.producer.get(row));
  }
  return source;
}

export function drawArrows(context: CanvasRenderingContext2D, scene: Scene, view: View, width: number, scroll: number, height: number): void {
  const { palette } = scene;
  for (const { edge, x0, y0, x1, y1 } of arrowsIn(scene, view, width)) {
    if (Math.max(y0, y1) < scroll || Math.min(y0, y1) > scroll + height) {
      continue;
    }
    const bold = edge === scene.selectedEdge;
    context.strokeStyle = palette.agent;
    context.fillStyle = palette.agent;
    context.lineWidth = bold ? 2.5 : 1.2;
    const bend = Math.max(14, Math.abs(x1 - x0) / 2);
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x0 + bend, y0, x1 - bend - 5, y1, x1 - 5, y1);
    context.stroke();
    context.beginPath();
    context.arc(x0, y0, 2.2, 0, 2 * Math.PI);
    context.fill();
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x1 - 6, y1 - 3.5);
    context.lineTo(x1 - 6, y1 + 3.5);
    context.fill();
  }
  const { undelivered } = scene.trace;
  for (const { call, to } of undelivered.slice(0, MOST_ARROWS)) {
    const sender = call === null ? null : scene.layout.find([CALL, call]);
    const head = scene.layout.groupOf(to);
    if (sender === null || head === undefined) {
      continue;
    }
    const x0 = xOf(view, width, sender.to);
    const x1 = x0 + 14;
    const y0 = sender.lane.y + sender.lane.height / 2;
    const y1 = y0 + Math.sign(head.y - y0) * Math.min(40, Math.abs(head.y + HEAD / 2 - y0));
    // It arrives nowhere: dashed, with an open end.
    context.strokeStyle = palette.agent;
    context.lineWidth = 1.2;
    context.setLineDash([3, 2]);
    context.beginPath();
    context.moveTo(x0, y0);
    context.quadraticCurveTo(x1, y0, x1, y1 - Math.sign(y1 - y0) * 3);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.arc(x1, y1, 3, 0, 2 * Math.PI);
    context.stroke();
  }
}
