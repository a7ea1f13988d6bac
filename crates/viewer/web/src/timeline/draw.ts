/** Draws the timeline: lanes below, and above them minimap, ruler and critical path. */
import type { Thing } from "../api";
import { AGENT, CALL, REQUEST, type Trace } from "../data/trace";
import { duration } from "../pure/format";
import type { ColorName, Palette } from "../pure/palette";
import { tint } from "../pure/palette";
import { cutToFit, oneLine } from "../pure/text";
import { HEAD, type AllEnds, type Lane, type Layout, barWords } from "./layout";
import { FAILED, FONT, type Flags, type Measure, TORN, WAITS } from "./paint";

export interface View {
  readonly from: number;
  readonly to: number;
}

export interface Scene {
  readonly trace: Trace;
  readonly layout: Layout;
  readonly ends: AllEnds;
  readonly flags: Flags;
  readonly palette: Palette;
  readonly measure: Measure;
  /** The selection, as the things that have bars; keys are `kind:number`. */
  readonly marked: ReadonlySet<string>;
  readonly selectedEdge: number | null;
  readonly showPath: boolean;
  readonly followed: boolean;
}

type Context = CanvasRenderingContext2D;

/** The most arrows at once; of more only those of the selection are drawn. */
const MOST_ARROWS = 300;
const THIN = 4;
const LABELED = 22;

export function xOf(view: View, width: number, at: number): number {
  return ((at - view.from) / (view.to - view.from)) * width;
}

export function drawLanes(context: Context, scene: Scene, view: View, width: number, height: number, scroll: number): void {
  const { layout, palette } = scene;
  context.fillStyle = palette.ground;
  context.fillRect(0, 0, width, height);
  context.save();
  context.translate(0, -scroll);
  const visible = layout.groups.filter((group) => group.y < scroll + height && group.y + group.height > scroll);
  for (const group of visible) {
    if (group.open) {
      context.fillStyle = palette.panel;
      context.fillRect(0, group.y, width, HEAD);
    }
  }
  context.fillStyle = palette.faint;
  for (const tick of layout.axis.ticks(view.from, view.to, width, 90)) {
    context.fillRect(Math.round(xOf(view, width, tick.at)), scroll, 1, height);
  }
  for (const fold of layout.axis.folds) {
    const from = xOf(view, width, fold.at);
    const to = xOf(view, width, fold.at + fold.width);
    if (to > 0 && from < width) {
      context.fillStyle = palette.panel;
      context.fillRect(from, scroll, to - from, height);
      dottedLine(context, Math.round((from + to) / 2) + 0.5, scroll, scroll + height, palette.third);
    }
  }
  context.font = FONT;
  context.textBaseline = "middle";
  context.direction = "ltr";
  for (const group of visible) {
    for (const lane of group.lanes) {
      if (lane.y < scroll + height && lane.y + lane.height > scroll) {
        drawLane(context, scene, view, width, lane);
      }
    }
  }
  drawCompactions(context, scene, view, width);
  if (scene.showPath) {
    drawPath(context, scene, view, width, scroll, height);
  }
  drawArrows(context, scene, view, width, scroll, height);
  drawMarked(context, scene, view, width);
  context.restore();
}

function drawLane(context: Context, scene: Scene, view: View, width: number, lane: Lane): void {
  if (lane.kind === "more") {
    drawArea(context, scene, view, width, lane);
    return;
  }
  if (lane.kind === "terminals") {
    drawTerminals(context, scene, view, width, lane);
    return;
  }
  const { palette, flags, trace } = scene;
  const scale = width / (view.to - view.from);
  const { from, to, things, y, height, kind } = lane;
  const solid = kind === "turns" ? palette.harness : palette[lane.color];
  let runColor = "";
  let runFrom = 0;
  let runTo = 0;
  const flush = () => {
    if (runColor !== "") {
      context.fillStyle = runColor;
      context.fillRect(runFrom, y, Math.max(1, runTo - runFrom), height);
      runColor = "";
    }
  };
  for (let bar = firstVisible(lane, view.from); bar < things.length; bar += 1) {
    const x0 = (from[bar]! - view.from) * scale;
    if (x0 > width) {
      break;
    }
    const x1 = (to[bar]! - view.from) * scale;
    if (x1 < 0) {
      continue;
    }
    const thing = things[bar]!;
    const flag = flags.get(thing[0])?.[thing[1]] ?? 0;
    const wide = x1 - x0;
    if (wide < THIN) {
      const color = flag & FAILED ? palette.error : flag & WAITS ? palette[tint(lane.color)] : solid;
      const left = Math.max(-1, x0);
      if (runColor === color && left - runTo < 1) {
        runTo = Math.max(runTo, x1, left + 1);
      } else {
        flush();
        runColor = color;
        runFrom = left;
        runTo = Math.max(x1, left + 1);
      }
      continue;
    }
    flush();
    drawBar(context, scene, lane, thing, flag, x0, x1, width, trace);
  }
  flush();
}

/** The first bar that can reach into the view. Bars of a closed agent overlap, so that it looks back. */
function firstVisible(lane: Lane, from: number): number {
  let low = 0;
  let high = lane.from.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lane.from[middle]! < from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const back = lane.kind === "folded-tools" || lane.kind === "folded-model" ? 64 : 1;
  return Math.max(0, low - back);
}

function drawBar(context: Context, scene: Scene, lane: Lane, thing: Thing, flag: number, x0: number, x1: number, width: number, trace: Trace): void {
  const { palette } = scene;
  const { y, height, kind } = lane;
  const left = Math.max(-4, x0);
  const right = Math.min(width + 4, x1);
  const color: ColorName = lane.color;
  const small = kind === "folded-model" || kind === "folded-tools";
  if (flag & WAITS) {
    context.strokeStyle = palette[color];
    context.lineWidth = 1;
    context.setLineDash([3, 2]);
    context.strokeRect(Math.round(left) + 0.5, y + 0.5, Math.max(1, Math.round(right - left) - 1), height - 1);
    context.setLineDash([]);
  } else {
    context.fillStyle = palette[tint(color)];
    context.fillRect(left, y, right - left, height);
    const edge = edgeOf(scene, thing, x0, x1);
    if (edge !== null && edge >= -2) {
      context.fillStyle = palette[color];
      context.fillRect(edge, y, 2, height);
    }
    if (thing[0] === REQUEST && !small) {
      drawCached(context, scene, thing[1], x0 + 2, x1, y + height - 3);
    }
  }
  if (flag & FAILED) {
    context.fillStyle = palette.error;
    context.fillRect(left, y, right - left, 2);
  }
  if (flag & TORN) {
    drawTorn(context, palette, right, y, height);
  }
  if (small) {
    return;
  }
  let room = right - left - 8;
  if (flag & FAILED && right - left > LABELED - 6) {
    context.fillStyle = palette.error;
    context.textAlign = "right";
    context.fillText("✕", right - 4, y + height / 2 + 0.5);
    room -= 12;
  }
  if (right - left >= LABELED) {
    const inset = Math.max(x0, 0);
    const words = labelThatFits(scene, trace, thing, room - (inset - left));
    if (words !== "") {
      context.fillStyle = palette.ink;
      context.textAlign = "left";
      context.fillText(words, inset + 5, y + height / 2 + 0.5);
    }
  }
}

function labelThatFits(scene: Scene, trace: Trace, thing: Thing, room: number): string {
  const { measure } = scene;
  const { words, cut } = barWords(trace, thing);
  const fits = (text: string) => measure.width(text) <= room;
  for (const form of words) {
    const line = oneLine(form, 200);
    if (fits(line)) {
      return line;
    }
  }
  return cut && room > 24 ? cutToFit(oneLine(words[0]!, 200), fits) : "";
}

/** Where a bar's edge stands: where its runtime began, or at its start. */
function edgeOf(scene: Scene, [kind, number]: Thing, x0: number, x1: number): number | null {
  if (kind !== CALL) {
    return x0;
  }
  const { calls } = scene.trace.spans;
  const runtime = calls.runtimeStart[number];
  if (runtime == null || scene.layout.axis.kind === "order") {
    return x0;
  }
  const start = calls.start[number]!;
  const end = scene.ends.calls.end[number]!;
  return end <= start ? x0 : x0 + ((Math.min(runtime, end) - start) / (end - start)) * (x1 - x0);
}

function drawCached(context: Context, scene: Scene, request: number, x0: number, x1: number, y: number): void {
  const { input, cached, doesNotFit } = scene.trace.spans.requests;
  const all = input[request];
  const part = cached[request];
  if (all == null || part == null || all <= 0 || part <= 0 || doesNotFit.has(request)) {
    return;
  }
  context.globalAlpha = 0.6;
  context.fillStyle = scene.palette.model;
  context.fillRect(x0, y, (x1 - x0) * Math.min(1, part / all), 3);
  context.globalAlpha = 1;
}

/** The end of something whose end is not recorded. */
function drawTorn(context: Context, palette: Palette, x: number, y: number, height: number): void {
  context.fillStyle = palette.ground;
  context.beginPath();
  context.moveTo(x + 1, y);
  const teeth = Math.max(2, Math.round(height / 4));
  for (let tooth = 0; tooth < teeth; tooth += 1) {
    context.lineTo(x - 4, y + ((tooth + 0.5) * height) / teeth);
    context.lineTo(x, y + ((tooth + 1) * height) / teeth);
  }
  context.lineTo(x + 1, y + height);
  context.fill();
}

/** Processes: a thin line while one lives, thick while an operation runs. */
function drawTerminals(context: Context, scene: Scene, view: View, width: number, lane: Lane): void {
  const middle = lane.y + 4;
  context.fillStyle = scene.palette.tool;
  context.globalAlpha = 0.55;
  drawStretches(context, view, width, lane.from.length, (at) => lane.from[at]!, (at) => lane.to[at]!, middle, 1, firstVisible(lane, view.from));
  context.globalAlpha = 1;
  const pieces = lane.pieces!;
  drawStretches(context, view, width, pieces.length / 2, (at) => pieces[2 * at]!, (at) => pieces[2 * at + 1]!, middle - 2, 5, 0);
}

/** Draws stretches of one color; those less than a pixel apart are one rectangle. */
function drawStretches(
  context: Context, view: View, width: number, count: number, from: (at: number) => number, to: (at: number) => number, y: number, height: number, first: number,
): void {
  const scale = width / (view.to - view.from);
  let runFrom = Number.NaN;
  let runTo = 0;
  for (let at = first; at < count; at += 1) {
    const x0 = (from(at) - view.from) * scale;
    if (x0 > width) {
      break;
    }
    const x1 = Math.max(x0 + 2, (to(at) - view.from) * scale);
    if (x1 < 0) {
      continue;
    }
    if (x0 - runTo < 1 && !Number.isNaN(runFrom)) {
      runTo = Math.max(runTo, x1);
    } else {
      if (!Number.isNaN(runFrom)) {
        context.fillRect(runFrom, y, runTo - runFrom, height);
      }
      runFrom = Math.max(-2, x0);
      runTo = x1;
    }
  }
  if (!Number.isNaN(runFrom)) {
    context.fillRect(runFrom, y, Math.min(width + 2, runTo) - runFrom, height);
  }
}

/** The tools for which there is no lane: how many run at once. */
function drawArea(context: Context, scene: Scene, view: View, width: number, lane: Lane): void {
  const steps = lane.steps!;
  const { palette } = scene;
  const base = lane.y + lane.height - 2;
  const scale = (lane.height - 4) / Math.max(1, steps.most);
  context.beginPath();
  context.moveTo(0, base);
  let level = 0;
  for (const [step, at] of steps.at.entries()) {
    const x = xOf(view, width, at);
    if (x > width) {
      break;
    }
    if (x >= 0) {
      context.lineTo(x, base - level * scale);
      context.lineTo(x, base - steps.more[step]! * scale);
    }
    level = steps.more[step]!;
    if (x < 0) {
      context.moveTo(0, base);
      context.lineTo(0, base - level * scale);
    }
  }
  const end = Math.min(width, xOf(view, width, steps.at.at(-1) ?? 0));
  context.lineTo(Math.max(0, end), base - level * scale);
  context.lineTo(Math.max(0, end), base);
  context.closePath();
  context.fillStyle = palette[tint(lane.color)];
  context.fill();
  context.strokeStyle = palette[lane.color];
  context.lineWidth = 1;
  context.stroke();
}

function drawCompactions(context: Context, scene: Scene, view: View, width: number): void {
  const { trace, layout, palette } = scene;
  const { compactions } = trace.spans;
  const groupOf = new Map(layout.groups.map((group) => [group.agent, group]));
  // Where there are many, marks that would touch are left out.
  const last = new Map<number, number>();
  for (const [row, at] of compactions.at.entries()) {
    const x = xOf(view, width, layout.axis.place(at, compactions.seq[row]!));
    const group = groupOf.get(compactions.agent[row]!);
    if (group === undefined || x < -6 || x > width + 6) {
      continue;
    }
    if (x - (last.get(group.agent) ?? Number.NEGATIVE_INFINITY) < 12) {
      continue;
    }
    last.set(group.agent, x);
    const y = group.open ? group.y + HEAD + 1 : group.y;
    const [wide, tall] = group.open ? [5, 11] : [4, 6];
    context.fillStyle = palette.compaction;
    context.beginPath();
    context.moveTo(x - wide, y);
    context.lineTo(x + wide, y);
    context.lineTo(x, y + tall);
    context.fill();
    if (group.open) {
      context.fillRect(Math.round(x), y + tall, 1, 20);
    }
  }
}

/** The critical path under the bars that it runs through. */
function drawPath(context: Context, scene: Scene, view: View, width: number, scroll: number, height: number): void {
  const { palette } = scene;
  const { from, to, lane } = scene.layout.path;
  const scale = width / (view.to - view.from);
  context.fillStyle = palette.ink;
  let lastX = Number.NEGATIVE_INFINITY;
  let lastY = 0;
  for (let at = firstSegment(scene, view); at < from.length; at += 1) {
    const x0 = (from[at]! - view.from) * scale;
    if (x0 > width && scene.layout.axis.kind === "time") {
      break;
    }
    const of = lane[at]!;
    const x1 = (to[at]! - view.from) * scale;
    // Under 4 px the strip alone shows it.
    if (of === null || !(x1 - x0 >= THIN) || x1 < 0 || x0 > width) {
      continue;
    }
    const y = of.y + of.height - 1;
    if (y < scroll - 200 || y > scroll + height + 200) {
      continue;
    }
    if (Math.abs(x0 - lastX) < 24 && lastY !== y) {
      context.fillRect(Math.round(x0), Math.min(lastY, y), 1, Math.abs(y - lastY) + 1);
    }
    context.fillRect(Math.max(-2, x0), y, Math.min(width + 2, x1) - Math.max(-2, x0), 2);
    lastX = x1;
    lastY = y;
  }
}

function firstSegment(scene: Scene, view: View): number {
  if (scene.layout.axis.kind === "order") {
    return 0;
  }
  const { to } = scene.layout.path;
  let low = 0;
  let high = to.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (to[middle]! < view.from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

interface Arrow {
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
  for (const [edge] of edges.id.entries()) {
    const start = layout.axis.place(edges.start[edge]!, edges.startSeq[edge]!);
    const source = senderOf(trace, edges.source[edge] ?? null);
    const sender = source === null ? null : layout.find(source);
    const arrival = edges.arrival[edge];
    const receiver = arrival == null ? null : layout.find([REQUEST, arrival]);
    const target = edges.to[edge];
    const head = target == null ? null : layout.groups.find(({ agent }) => agent === target);
    const from = sender === null ? start : receiver === null ? Math.max(sender.from, Math.min(start, sender.to)) : Math.min(sender.to, receiver.from);
    const x0 = xOf(view, width, from);
    const fromGroup = layout.groups.find(({ agent }) => agent === edges.from[edge]);
    const y0 = sender !== null ? sender.lane.y + sender.lane.height / 2 : fromGroup === undefined ? null : fromGroup.y + HEAD / 2;
    const x1 = receiver !== null ? xOf(view, width, receiver.from) : x0;
    const y1 = receiver !== null ? receiver.lane.y + receiver.lane.height / 2 : head === undefined || head === null ? null : head.y + HEAD / 2;
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
    return row === undefined ? null : (trace.items!.producer[row] ?? null);
  }
  return source;
}

function drawArrows(context: Context, scene: Scene, view: View, width: number, scroll: number, height: number): void {
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
    const head = scene.layout.groups.find(({ agent }) => agent === to);
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

function drawMarked(context: Context, scene: Scene, view: View, width: number): void {
  const { marked, layout, palette } = scene;
  for (const key of marked) {
    const [kind, number] = key.split(":").map(Number) as unknown as Thing;
    const found = layout.find([kind, number]);
    if (found === null) {
      continue;
    }
    const x0 = Math.max(-3, xOf(view, width, found.from));
    const x1 = Math.min(width + 3, Math.max(x0 + 3, xOf(view, width, found.to)));
    context.strokeStyle = palette.link;
    context.lineWidth = 2;
    context.strokeRect(x0 - 1, found.lane.y - 1, x1 - x0 + 2, found.lane.height + 2);
  }
}

function dottedLine(context: Context, x: number, from: number, to: number, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.setLineDash([1, 3]);
  context.beginPath();
  context.moveTo(x, from);
  context.lineTo(x, to);
  context.stroke();
  context.setLineDash([]);
}

export const MINIMAP = 26;
export const RULER = 22;
export const STRIP = 13;
export const TOP = MINIMAP + RULER + STRIP;

/** How many requests and tools run at each pixel of the minimap. */
export interface Density {
  readonly model: Float64Array;
  readonly tools: Float64Array;
  readonly most: number;
  /** The picture of these counts, and the colors that it has. */
  picture?: { readonly canvas: HTMLCanvasElement; readonly palette: Palette; readonly ratio: number };
}

export function density(scene: Scene, width: number): Density {
  const { layout } = scene;
  const scale = width / layout.axis.length;
  const change = { model: new Float64Array(width + 2), tools: new Float64Array(width + 2) };
  for (const group of layout.groups) {
    for (const lane of group.lanes) {
      const into = lane.color === "model" ? change.model : lane.color === "tool" && lane.kind !== "terminals" ? change.tools : null;
      if (into === null) {
        continue;
      }
      for (let bar = 0; bar < lane.from.length; bar += 1) {
        const from = Math.max(0, Math.min(width, Math.floor(lane.from[bar]! * scale)));
        const to = Math.max(from + 1, Math.min(width + 1, Math.ceil(lane.to[bar]! * scale)));
        into[from]! += 1;
        into[to]! -= 1;
      }
    }
  }
  let most = 1;
  for (const counts of [change.model, change.tools]) {
    for (let at = 1; at < counts.length; at += 1) {
      counts[at]! += counts[at - 1]!;
    }
    for (const count of counts) {
      most = Math.max(most, count);
    }
  }
  return { ...change, most };
}

export interface RulerMark {
  readonly at: number;
  readonly severity: string;
}

export function drawTop(
  context: Context, scene: Scene, view: View, width: number, counts: Density, marks: readonly RulerMark[], losses: readonly number[],
): void {
  const { layout, palette } = scene;
  context.fillStyle = palette.ground;
  context.fillRect(0, 0, width, TOP);
  context.font = FONT;
  context.textBaseline = "middle";
  context.direction = "ltr";
  drawMinimap(context, scene, view, width, counts, marks);
  context.fillStyle = palette.line;
  context.fillRect(0, MINIMAP - 1, width, 1);
  context.fillRect(0, MINIMAP + RULER - 1, width, 1);
  const middle = MINIMAP + RULER / 2;
  const folds = layout.axis.folds.map((fold) => {
    const x = xOf(view, width, fold.at + fold.width / 2);
    const label = `${duration(fold.to - fold.from)} folded`;
    return { x, label, half: scene.measure.width(label) / 2 + 4 };
  });
  context.textAlign = "left";
  for (const tick of layout.axis.ticks(view.from, view.to, width, 90)) {
    const x = Math.round(xOf(view, width, tick.at));
    context.fillStyle = palette.third;
    context.fillRect(x, MINIMAP + RULER - 5, 1, 4);
    const wide = scene.measure.width(tick.label);
    if (folds.every((fold) => x + 4 + wide < fold.x - fold.half || x > fold.x + fold.half) && x + 4 + wide < width) {
      context.fillStyle = palette.second;
      context.fillText(tick.label, x + 4, middle);
    }
  }
  context.textAlign = "center";
  for (const { x, label, half } of folds) {
    if (x > -half && x < width + half) {
      context.fillStyle = palette.third;
      context.fillText(label, Math.max(half, Math.min(width - half, x)), middle);
    }
  }
  for (const at of losses) {
    const x = xOf(view, width, at);
    if (x >= -4 && x <= width + 4) {
      // Evidence is lost here.
      context.strokeStyle = palette.error;
      context.lineWidth = 1;
      context.beginPath();
      for (let line = 0; line < 3; line += 1) {
        context.moveTo(x - 4 + line * 3, MINIMAP + RULER - 2);
        context.lineTo(x - 1 + line * 3, MINIMAP + RULER - 9);
      }
      context.stroke();
    }
  }
  for (const { at, severity } of marks) {
    const x = xOf(view, width, at);
    if (x < -6 || x > width + 6 || severity === "note") {
      continue;
    }
    context.fillStyle = severity === "error" ? palette.error : palette.warning;
    if (severity === "error") {
      context.fillText("✕", x, MINIMAP + RULER - 7);
    } else {
      context.beginPath();
      context.moveTo(x, MINIMAP + RULER - 10);
      context.lineTo(x + 5, MINIMAP + RULER - 2);
      context.lineTo(x - 5, MINIMAP + RULER - 2);
      context.fill();
    }
  }
  drawStrip(context, scene, view, width);
}

/** The counts as a picture, which is drawn once and shown many times. */
function minimapPicture(counts: Density, palette: Palette, width: number): HTMLCanvasElement {
  const ratio = devicePixelRatio || 1;
  const { picture } = counts;
  if (picture !== undefined && picture.palette === palette && picture.ratio === ratio) {
    return picture.canvas;
  }
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.round(MINIMAP * ratio);
  counts.picture = { canvas, palette, ratio };
  const context = canvas.getContext("2d");
  if (context === null) {
    return canvas;
  }
  context.scale(ratio, ratio);
  const half = (MINIMAP - 4) / 2;
  const scale = (half - 1) / Math.log2(1 + counts.most);
  for (const [which, color, up] of [["model", "model", true], ["tools", "tool", false]] as const) {
    context.fillStyle = palette[color];
    const list = counts[which];
    for (let x = 0; x < width; x += 1) {
      const count = list[x]!;
      if (count > 0) {
        const tall = Math.max(2, scale * Math.log2(1 + count));
        context.fillRect(x, up ? half + 1 - tall : half + 2, 1, tall);
      }
    }
  }
  return canvas;
}

function drawMinimap(context: Context, scene: Scene, view: View, width: number, counts: Density, marks: readonly RulerMark[]): void {
  const { palette, layout } = scene;
  context.drawImage(minimapPicture(counts, palette, width), 0, 0, width, MINIMAP);
  const whole = layout.axis.length;
  for (const { at, severity } of marks) {
    if (severity !== "note") {
      context.fillStyle = severity === "error" ? palette.error : palette.warning;
      context.fillRect(Math.round((at / whole) * width) - 1, MINIMAP - 5, 3, 3);
    }
  }
  const x0 = (view.from / whole) * width;
  const x1 = (view.to / whole) * width;
  if (x1 - x0 < width - 1) {
    context.fillStyle = palette.ground;
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, x0, MINIMAP - 1);
    context.fillRect(x1, 0, width - x1, MINIMAP - 1);
    context.globalAlpha = 1;
    context.strokeStyle = palette.link;
    context.lineWidth = 1;
    context.strokeRect(Math.round(x0) + 0.5, 0.5, Math.max(2, Math.round(x1 - x0) - 1), MINIMAP - 2);
  }
}

const PATH_COLORS: Readonly<Record<string, ColorName>> = {
  model: "model", compaction: "compaction", tool: "tool", script: "script", to_run: "tool-tint", unrecorded: "line", idle: "line",
};

function drawStrip(context: Context, scene: Scene, view: View, width: number): void {
  const { trace, layout, palette } = scene;
  const { path } = trace.spans;
  const { from, to } = layout.path;
  const scale = width / (view.to - view.from);
  const y = MINIMAP + RULER + 3;
  const height = STRIP - 5;
  let runColor = "";
  let runFrom = 0;
  let runTo = 0;
  const flush = () => {
    if (runColor !== "") {
      context.fillStyle = runColor;
      context.fillRect(runFrom, y, Math.max(1, runTo - runFrom), height);
      runColor = "";
    }
  };
  for (let at = firstSegment(scene, view); at < from.length; at += 1) {
    const start = (from[at]! - view.from) * scale;
    if (path.ms[at] === 0 || Number.isNaN(start)) {
      continue;
    }
    if (start > width && layout.axis.kind === "time") {
      break;
    }
    const x0 = Math.max(-2, start);
    const x1 = Math.min(width + 2, (to[at]! - view.from) * scale);
    // A segment that begins in the pixel of the one before adds nothing that can be seen.
    if (x1 < 0 || start > width || x1 <= runTo && runColor !== "") {
      continue;
    }
    const name = path.class[at]!;
    if (name === "agents") {
      flush();
      if (x1 - x0 >= 2) {
        context.strokeStyle = palette.agent;
        context.lineWidth = 1;
        context.setLineDash([3, 2]);
        context.strokeRect(x0 + 0.5, y + 0.5, Math.max(1, x1 - x0 - 1), height - 1);
        context.setLineDash([]);
      }
      continue;
    }
    const color = palette[PATH_COLORS[name] ?? "line"];
    if (runColor === color && x0 - runTo < 1) {
      runTo = Math.max(runTo, x1);
    } else if (runColor !== "" && x1 - runFrom < 1) {
      // Less than a pixel: it belongs to the run before.
      runTo = Math.max(runTo, x1);
    } else {
      flush();
      runColor = color;
      runFrom = x0;
      runTo = x1;
    }
  }
  flush();
}
