/** Draws what stays above the lanes: minimap, ruler and the strip of the critical path. */
import type { Kind } from "../api";
import { CALL, REQUEST } from "../data/trace";
import { duration } from "../pure/format";
import type { ColorName, Palette } from "../pure/palette";
import { firstSegment } from "./draw";
import { RunFill, dashedRect } from "./fill";
import { FONT } from "./paint";
import type { Places } from "./places";
import { type Scene, type View, xOf } from "./scene";

type Context = CanvasRenderingContext2D;

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

export function density(places: Places, width: number): Density {
  const scale = width / places.axis.length;
  const countsOf = (kind: Kind) => {
    const change = new Float64Array(width + 2);
    const table = places.tables.get(kind)!;
    for (let row = 0; row < table.from.length; row += 1) {
      const from = Math.max(0, Math.min(width, Math.floor(table.from[row]! * scale)));
      const to = Math.max(from + 1, Math.min(width + 1, Math.ceil(table.to[row]! * scale)));
      change[from]! += 1;
      change[to]! -= 1;
    }
    for (let at = 1; at < change.length; at += 1) {
      change[at]! += change[at - 1]!;
    }
    return change;
  };
  const [model, tools] = [countsOf(REQUEST), countsOf(CALL)];
  const most = [...model, ...tools].reduce((most, count) => Math.max(most, count), 1);
  return { model, tools, most };
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
  const folds = layout.places.axis.folds.map((fold) => {
    const x = xOf(view, width, fold.at + fold.width / 2);
    const label = `${duration(fold.to - fold.from)} folded`;
    return { x, label, half: scene.measure.width(label) / 2 + 4 };
  });
  context.textAlign = "left";
  for (const tick of layout.places.axis.ticks(view.from, view.to, width, 90)) {
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
  const whole = layout.places.axis.length;
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
  const { class: classes, ms } = trace.spans.path;
  const { axis, path: { from, to } } = layout.places;
  const scale = width / (view.to - view.from);
  const y = MINIMAP + RULER + 3;
  const height = STRIP - 5;
  if (axis.kind === "order" && from.length > 0) {
    // What the path waited for has no events of its own: it is what lies between the others.
    context.fillStyle = palette.line;
    const x0 = Math.max(-2, xOf(view, width, 0));
    context.fillRect(x0, y, Math.min(width + 2, xOf(view, width, axis.length)) - x0, height);
  }
  const run = new RunFill(context, y, height);
  for (let at = firstSegment(scene, view); at < from.length; at += 1) {
    const start = (from[at]! - view.from) * scale;
    if (ms[at] === 0 || Number.isNaN(start)) {
      continue;
    }
    if (start > width && axis.kind === "time") {
      break;
    }
    const x0 = Math.max(-2, start);
    const x1 = Math.min(width + 2, (to[at]! - view.from) * scale);
    if (x1 < 0 || start > width) {
      continue;
    }
    const name = classes[at]!;
    if (name === "agents") {
      run.flush();
      if (x1 - x0 >= 2) {
        dashedRect(context, palette.agent, x0, y, x1 - x0, height);
      }
    } else if (!run.swallows(x1)) {
      run.add(palette[PATH_COLORS[name] ?? "line"], x0, x1);
    }
  }
  run.flush();
}
