/** Draws the lanes of the timeline. */
import type { Thing } from "../api";
import { CALL, REQUEST, type Trace } from "../data/trace";
import type { ColorName, Palette } from "../pure/palette";
import { tint } from "../pure/palette";
import { cutToFit, oneLine } from "../pure/text";
import { drawArrows } from "./arrows";
import { RunFill, dashedRect, dottedLine } from "./fill";
import type { Group, Lane } from "./layout";
import { FAILED, FONT, TORN, WAITS } from "./paint";
import { HEAD } from "./places";
import { type Scene, type View, xOf } from "./scene";
import { barWords } from "./words";

type Context = CanvasRenderingContext2D;

const THIN = 4;
const LABELED = 22;
/** How far apart the marks of compactions are at least. */
const LEAST_BETWEEN_MARKS = 24;

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
  for (const tick of layout.places.axis.ticks(view.from, view.to, width, 90)) {
    context.fillRect(Math.round(xOf(view, width, tick.at)), scroll, 1, height);
  }
  for (const fold of layout.places.axis.folds) {
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
  const steps = scene.showPath ? pathSteps(scene, view, width, scroll, height) : [];
  context.fillStyle = palette.ink;
  for (const { x0, y, from } of steps) {
    // From one bar to the next, behind the bars in between.
    if (from !== null) {
      context.fillRect(Math.round(x0), Math.min(from, y), 1, Math.abs(y - from) + 1);
    }
  }
  for (const group of visible) {
    for (const lane of group.lanes) {
      if (lane.y < scroll + height && lane.y + lane.height > scroll) {
        drawLane(context, scene, view, width, lane);
      }
    }
  }
  drawCompactions(context, scene, view, width);
  context.fillStyle = palette.ink;
  for (const { x0, x1, y } of steps) {
    context.fillRect(Math.max(-2, x0), y, Math.min(width + 2, x1) - Math.max(-2, x0), 2);
  }
  for (const group of visible) {
    const y = headAt(group, scroll);
    if (group.open && y > group.y) {
      context.fillStyle = palette.panel;
      context.fillRect(0, y, width, HEAD);
    }
  }
  drawArrows(context, scene, view, width, scroll, height);
  drawMarked(context, scene, view, width);
  context.restore();
}

/** Where the head of an agent is: at its top, or, while that is scrolled away, at that of the view. */
export function headAt(group: Group, scroll: number): number {
  return Math.max(group.y, Math.min(scroll, group.y + group.height - HEAD));
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
  const { palette } = scene;
  const scale = width / (view.to - view.from);
  const { from, to, rows, of, kind } = lane;
  const flags = scene.flags.get(of);
  const solid = kind === "turns" ? palette.harness : palette[lane.color];
  const run = new RunFill(context, lane.y, lane.height);
  for (let bar = firstVisible(lane, view.from); bar < rows.length; bar += 1) {
    const x0 = (from[bar]! - view.from) * scale;
    if (x0 > width) {
      break;
    }
    const x1 = (to[bar]! - view.from) * scale;
    if (x1 < 0) {
      continue;
    }
    const flag = flags?.[rows[bar]!] ?? 0;
    if (x1 - x0 < THIN) {
      const color = flag & FAILED ? palette.error : flag & WAITS ? palette[tint(lane.color)] : solid;
      const left = Math.max(-1, x0);
      run.add(color, left, Math.max(x1, left + 1));
      continue;
    }
    run.flush();
    drawBar(context, scene, lane, [of, rows[bar]!], flag, x0, x1, width);
  }
  run.flush();
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

function drawBar(context: Context, scene: Scene, lane: Lane, thing: Thing, flag: number, x0: number, x1: number, width: number): void {
  const { palette, trace } = scene;
  const { y, height, kind } = lane;
  const left = Math.max(-4, x0);
  const right = Math.min(width + 4, x1);
  const color: ColorName = lane.color;
  const small = kind === "folded-model" || kind === "folded-tools";
  if (flag & WAITS) {
    dashedRect(context, palette[color], Math.round(left), y, Math.round(right - left), height);
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
    // The name stands after the edge where it finds room there, else before it.
    const edge = flag & WAITS ? x0 : (edgeOf(scene, thing, x0, x1) ?? x0);
    const after = Math.max(edge, 0);
    let inset = after;
    let words = labelThatFits(scene, trace, thing, room - (after - left));
    if (words === "" && edge > x0) {
      inset = Math.max(x0, 0);
      words = labelThatFits(scene, trace, thing, Math.min(room, edge - inset - 8));
    }
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
  if (runtime == null || scene.layout.places.axis.kind === "order") {
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
  const color = scene.palette.tool;
  const draw = (thick: number, count: number, from: (at: number) => number, to: (at: number) => number, first: number) => {
    const run = new RunFill(context, middle - Math.floor(thick / 2), thick);
    for (let at = first; at < count; at += 1) {
      const x0 = xOf(view, width, from(at));
      const x1 = Math.max(x0 + 2, xOf(view, width, to(at)));
      if (x0 > width) {
        break;
      }
      if (x1 >= 0) {
        run.add(color, Math.max(-2, x0), Math.min(width + 2, x1));
      }
    }
    run.flush();
  };
  const pieces = lane.pieces!;
  context.globalAlpha = 0.55;
  draw(1, lane.rows.length, (at) => lane.from[at]!, (at) => lane.to[at]!, firstVisible(lane, view.from));
  context.globalAlpha = 1;
  draw(5, pieces.length / 2, (at) => pieces[2 * at]!, (at) => pieces[2 * at + 1]!, 0);
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
  // Where there are many, marks that would touch are left out.
  const last = new Map<number, number>();
  for (const [row, at] of compactions.at.entries()) {
    const x = xOf(view, width, layout.places.axis.place(at, compactions.seq[row]!));
    const group = layout.groupOf(compactions.agent[row]);
    if (group === undefined || x < -6 || x > width + 6) {
      continue;
    }
    if (x - (last.get(group.agent) ?? Number.NEGATIVE_INFINITY) < LEAST_BETWEEN_MARKS) {
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

/** A bar that the critical path runs through, and the height from which it comes if that is near. */
interface PathStep {
  readonly x0: number;
  readonly x1: number;
  readonly y: number;
  readonly from: number | null;
}

/** Where the critical path is underlined in the lanes. */
function pathSteps(scene: Scene, view: View, width: number, scroll: number, height: number): PathStep[] {
  const { places, find } = scene.layout;
  const { thing } = scene.trace.spans.path;
  const { from, to } = places.path;
  const scale = width / (view.to - view.from);
  const steps: PathStep[] = [];
  let lastX = Number.NEGATIVE_INFINITY;
  let lastY = 0;
  for (let at = firstSegment(scene, view); at < from.length; at += 1) {
    const x0 = (from[at]! - view.from) * scale;
    if (x0 > width && places.axis.kind === "time") {
      break;
    }
    const x1 = (to[at]! - view.from) * scale;
    // Under 4 px the strip alone shows it.
    const of = x1 - x0 >= THIN && x1 >= 0 && x0 <= width ? thing.get(at) : null;
    const found = of === null ? null : find(of);
    if (found === null || !found.group.open) {
      continue;
    }
    const y = found.lane.y + found.lane.height - 1;
    if (y < scroll - 200 || y > scroll + height + 200) {
      continue;
    }
    steps.push({ x0, x1, y, from: Math.abs(x0 - lastX) < 24 && lastY !== y ? lastY : null });
    lastX = x1;
    lastY = y;
  }
  return steps;
}

export function firstSegment(scene: Scene, view: View): number {
  if (scene.layout.places.axis.kind === "order") {
    return 0;
  }
  const { to } = scene.layout.places.path;
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
