/** The context map: a column per request, tokens up in prompt order; below it the rent by source. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Thing } from "../api";
import { selectorOf, wordsOf } from "../data/names";
import { shownAs } from "../data/rows";
import { ITEM, REQUEST, type Trace } from "../data/trace";
import { short, whole } from "../pure/format";
import { CLASS_ORDER, CLASSES, type Palette, type PartClass } from "../pure/palette";
import { groupColumns, roundValues } from "../pure/columns-of-map";
import { numbersOf } from "../pure/runs";
import { compositionOf } from "../panels/request";
import { RentRows } from "../panels/rent";
import { FONT, readPalette } from "../timeline/paint";
import { Swatch } from "../ui/bits";
import { usePage } from "../ui/page";

/** The least width of a column, in pixels. */
const LEAST = 3;
/** The most compactions that are drawn as cliffs; more are marked at the top only. */
const MOST_CLIFFS = 24;
const LEFT = 46;
const BELOW = 18;
const ABOVE = 12;

interface Part {
  readonly of: PartClass;
  readonly tokens: number;
  readonly item: number | null;
  readonly copy: boolean;
}

interface Column {
  readonly request: number;
  readonly total: number;
  readonly parts: readonly Part[];
  readonly cached: number | null;
}

interface Map {
  readonly columns: readonly Column[];
  readonly per: number;
  readonly most: number;
  /** Before which column a compaction lies. */
  readonly cliffs: readonly { readonly before: number; readonly compaction: number }[];
  readonly classes: readonly PartClass[];
  readonly window: number | null;
}

function buildMap(trace: Trace, agent: number, width: number): Map {
  const { requests, compactions } = trace.spans;
  const of = trace.ofAgent(agent).requests;
  const sizes = of.map((request) => trace.requestTokens(request) ?? trace.spans.requests.itemsTokens[request] ?? 0);
  const { shown, per } = groupColumns(sizes, Math.max(1, Math.floor((width - LEFT) / LEAST)));
  const columns = shown.map((at) => columnOf(trace, of[at]!, sizes[at]!));
  const seqs = columns.map((column) => requests.startSeq[column.request]!);
  const cliffs = trace.ofAgent(agent).compactions.map((compaction) => {
    const seq = compactions.seq[compaction]!;
    const before = seqs.findIndex((start) => start > seq);
    return { compaction, before: before < 0 ? columns.length : before };
  });
  const present = new Set(columns.flatMap((column) => column.parts.map((part) => part.of)));
  const windows = of.map((request) => requests.window[request] ?? null).filter((window) => window !== null);
  return {
    columns, per, cliffs,
    most: Math.max(1, ...columns.map((column) => Math.max(column.total, column.cached ?? 0))),
    classes: CLASS_ORDER.filter((name) => present.has(name)),
    window: windows.at(-1) ?? null,
  };
}

function columnOf(trace: Trace, request: number, total: number): Column {
  const { requests } = trace.spans;
  const { items, causes } = trace;
  const parts: Part[] = [];
  const add = (of: PartClass, tokens: number | null | undefined) => {
    if (tokens != null && tokens > 0) {
      parts.push({ of, tokens, item: null, copy: false });
    }
  };
  add("definitions", requests.toolsTokens[request]);
  add("instructions", requests.instructionsTokens[request]);
  add("instructions", requests.outputFormatTokens[request]);
  if (items === null) {
    for (const [of, tokens] of compositionOf(trace, request)) {
      if (of !== "definitions" && of !== "instructions") {
        add(of, tokens);
      }
    }
  } else {
    for (const item of numbersOf(trace.requestItems(request))) {
      const row = items.row.get(item);
      if (row !== undefined && items.tokens[row]! > 0) {
        parts.push({ of: items.class[row]!, tokens: items.tokens[row]!, item, copy: causes?.next([ITEM, item])?.relation === "copied_from" });
      }
    }
  }
  const input = requests.input[request];
  const cached = requests.cached[request];
  const fits = input != null && cached != null && input > 0 && !requests.doesNotFit.has(request) && !requests.unreadable.has(request);
  return { request, total, parts, cached: fits ? (cached / input) * total : null };
}

export function ContextMap(): JSX.Element {
  const page = usePage();
  const { trace, agent, selected, go, version } = page;
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 800, height: 240 });
  const [only, setOnly] = useState<PartClass | null>(null);
  const [tip, setTip] = useState<{ x: number; y: number; lines: readonly string[] } | null>(null);
  const [scheme, setScheme] = useState(0);
  const map = useMemo(() => buildMap(trace, agent, size.width), [trace, agent, size.width, version]);

  useLayoutEffect(() => {
    const element = frame.current!;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const changed = () => setScheme((count) => count + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", changed);
    addEventListener("schemechange", changed);
    return () => {
      dark.removeEventListener("change", changed);
      removeEventListener("schemechange", changed);
    };
  }, []);
  useLayoutEffect(() => {
    const element = canvas.current!;
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(size.width * ratio);
    element.height = Math.round(size.height * ratio);
    const context = element.getContext("2d")!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context, map, size, readPalette(), selected, selected === null ? [] : shownAs(trace, selected), only);
  }, [map, size, selected, only, scheme]);

  if (trace.ofAgent(agent).requests.length === 0) {
    return <div class="scroll empty-tab" tabIndex={0} ref={frame}>No request of this agent was recorded.<canvas ref={canvas} hidden /></div>;
  }
  const at = (event: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return hit(map, size, event.clientX - box.left, event.clientY - box.top);
  };
  const onClick = (event: MouseEvent) => {
    const found = at(event);
    if (found !== null) {
      const here = selected?.[0] === REQUEST && selected[1] === found.column.request || selected?.[0] === ITEM;
      const thing: Thing = here && found.part?.item != null && (selected?.[0] === REQUEST) ? [ITEM, found.part.item] : [REQUEST, found.column.request];
      go({ at: selectorOf(trace, thing) });
    }
  };
  const onMove = (event: MouseEvent) => {
    const found = at(event);
    setTip(found === null ? null : { x: event.clientX, y: event.clientY, lines: linesOf(trace, found) });
  };
  return (
    <div class="context-tab">
      <div class="map" ref={frame}>
        <canvas
          ref={canvas} role="img" onClick={onClick} onMouseMove={onMove} onMouseLeave={() => setTip(null)}
          aria-label={`${whole(map.columns.length)} requests, the largest ~${whole(map.most)} tokens; each request's panel lists its parts`}
        />
      </div>
      <div class="map-legend">
        {map.classes.map((of) => (
          <button type="button" key={of} class={only === of ? "tool-button on" : "tool-button"} aria-pressed={only === of} onClick={() => setOnly(only === of ? null : of)}>
            <Swatch of={of} /> {CLASSES[of].word}
          </button>
        ))}
        {map.columns.some((column) => column.cached !== null) ? <span><span class="line-sample" aria-hidden="true" /> reported as cached</span> : null}
        {map.window === null ? null : <span>window {whole(map.window)}</span>}
        {map.per === 1 ? null : <span>each column is the largest of {map.per} requests</span>}
      </div>
      <Rent />
      {tip === null ? null : (
        <div class="tooltip" role="tooltip" style={{ left: `${Math.min(tip.x + 12, innerWidth - 372)}px`, top: `${tip.y + 14}px` }}>
          {tip.lines.map((line, row) => (row === 0 ? <b key={row}>{line}</b> : <span key={row}>{line}</span>))}
        </div>
      )}
    </div>
  );
}

function linesOf(trace: Trace, { column, part }: { column: Column; part: Part | null }): string[] {
  const lines = [`request ${column.request + 1} · ~${short(column.total)} tokens`];
  if (column.cached !== null) {
    lines.push(`reported as cached: ~${short(column.cached)}`);
  }
  if (part !== null) {
    lines.push(part.item === null ? `${CLASSES[part.of].word} · ~${whole(part.tokens)}` : `${wordsOf(trace, [ITEM, part.item], 90)} · ~${whole(part.tokens)}${part.copy ? " · a copy" : ""}`);
  }
  return lines;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function geometry(map: Map, size: Size) {
  const most = map.window !== null && map.window <= map.most * 1.6 ? Math.max(map.most, map.window) : map.most;
  const plot = size.width - LEFT - 6;
  const wide = Math.min(40, plot / map.columns.length);
  const tall = Math.max(10, size.height - BELOW - ABOVE);
  return { wide, tall, scale: tall / (most * 1.02), base: ABOVE + tall, most };
}

function hit(map: Map, size: Size, x: number, y: number): { column: Column; part: Part | null } | null {
  const { wide, scale, base } = geometry(map, size);
  const column = map.columns[Math.floor((x - LEFT) / wide)];
  if (column === undefined || x < LEFT) {
    return null;
  }
  let up = (base - y) / scale;
  for (const part of column.parts) {
    if (up >= 0 && up < part.tokens) {
      return { column, part };
    }
    up -= part.tokens;
  }
  return { column, part: null };
}

function draw(context: CanvasRenderingContext2D, map: Map, size: Size, palette: Palette, selected: Thing | null, marked: readonly Thing[], only: PartClass | null): void {
  const { wide, scale, base, tall } = geometry(map, size);
  context.clearRect(0, 0, size.width, size.height);
  context.font = FONT;
  context.direction = "ltr";
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of roundValues(tall / scale, Math.max(2, tall / 44))) {
    const y = Math.round(base - value * scale) + 0.5;
    context.fillStyle = palette.third;
    context.fillText(`~${short(value)}`, LEFT - 8, y);
    context.fillStyle = palette.faint;
    context.fillRect(LEFT, y, size.width - LEFT, 1);
  }
  if (map.window !== null && map.window * scale <= tall) {
    const y = Math.round(base - map.window * scale) + 0.5;
    context.strokeStyle = palette.error;
    context.setLineDash([6, 3]);
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(size.width, y);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = palette.error;
    context.fillText("window", size.width - 4, y + 8);
  }
  const hatch = { compaction: hatched(palette.compaction, palette["compaction-tint"]), before: hatched(palette.before, palette["before-tint"]) };
  const gap = wide >= 6 ? 1 : 0;
  const mine = new Set(marked.filter(([kind]) => kind === ITEM).map(([, item]) => item));
  for (const [at, column] of map.columns.entries()) {
    const x = LEFT + at * wide;
    const chosen = selected?.[0] === REQUEST && selected[1] === column.request;
    let y = base;
    let pending: { of: PartClass; copy: boolean; from: number } | null = null;
    const flush = (until: number) => {
      if (pending !== null && pending.from > until) {
        const { of, copy, from } = pending;
        const color = of === "compaction" ? hatch.compaction : of === "before" || of === "lost" ? hatch.before : palette[CLASSES[of].color];
        context.globalAlpha = only !== null && only !== of ? 0.1 : chosen || only === of ? 1 : copy ? 0.4 : 0.72;
        context.fillStyle = color;
        context.fillRect(x, until, wide - gap, from - until);
      }
      pending = null;
    };
    for (const part of column.parts) {
      const next = y - part.tokens * scale;
      if (pending === null || (pending as { of: PartClass }).of !== part.of || (pending as { copy: boolean }).copy !== part.copy) {
        flush(y);
        pending = { of: part.of, copy: part.copy, from: y };
      } else if (part.tokens * scale > 5 && wide >= 6) {
        // A large part begins with a seam.
        flush(y);
        context.globalAlpha = 1;
        pending = { of: part.of, copy: part.copy, from: y - 0.75 };
      }
      y = next;
    }
    flush(y);
    context.globalAlpha = 1;
    if (mine.size > 0) {
      let up = base;
      for (const part of column.parts) {
        const tallPart = part.tokens * scale;
        if (part.item !== null && mine.has(part.item)) {
          context.fillStyle = palette.link;
          context.fillRect(x - 0.5, up - Math.max(2, tallPart), wide + 0.5, Math.max(2, tallPart));
        }
        up -= tallPart;
      }
    }
    if (chosen) {
      context.strokeStyle = palette.link;
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, Math.max(3, wide - gap) + 2, base - y + 2);
    }
  }
  drawCached(context, map, palette, wide, base, scale);
  drawCliffs(context, map, palette, wide, base);
  context.textAlign = "center";
  context.fillStyle = palette.third;
  const every = Math.max(1, Math.ceil(52 / wide));
  for (let at = 0; at < map.columns.length; at += every) {
    context.fillText(`${map.columns[at]!.request + 1}`, LEFT + at * wide + wide / 2, base + 10);
  }
}

/** What the provider reported as cached, as one line of steps. */
function drawCached(context: CanvasRenderingContext2D, map: Map, palette: Palette, wide: number, base: number, scale: number): void {
  context.strokeStyle = palette.ink;
  context.lineWidth = 1.5;
  context.beginPath();
  let drawn = false;
  for (const [at, column] of map.columns.entries()) {
    if (column.cached === null) {
      drawn = false;
      continue;
    }
    const x = LEFT + at * wide;
    const y = base - column.cached * scale;
    if (drawn) {
      context.lineTo(x, y);
    } else {
      context.moveTo(x, y);
    }
    context.lineTo(x + wide, y);
    drawn = true;
  }
  context.stroke();
}

function drawCliffs(context: CanvasRenderingContext2D, map: Map, palette: Palette, wide: number, base: number): void {
  const lines = map.cliffs.length <= MOST_CLIFFS;
  let last = Number.NEGATIVE_INFINITY;
  for (const { before } of map.cliffs) {
    const x = Math.round(LEFT + before * wide) - 0.5;
    if (x - last < 10) {
      continue;
    }
    last = x;
    context.fillStyle = palette.compaction;
    context.beginPath();
    context.moveTo(x - 4, 1);
    context.lineTo(x + 4, 1);
    context.lineTo(x, 9);
    context.fill();
    if (lines) {
      context.strokeStyle = palette.compaction;
      context.lineWidth = 1;
      context.setLineDash([3, 2]);
      context.beginPath();
      context.moveTo(x, 9);
      context.lineTo(x, base);
      context.stroke();
      context.setLineDash([]);
    }
  }
}

/** A pattern of diagonal lines, so that color is not the only sign. */
function hatched(color: string, ground: string): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = 6;
  tile.height = 6;
  const context = tile.getContext("2d");
  if (context === null) {
    return color;
  }
  context.fillStyle = ground;
  context.fillRect(0, 0, 6, 6);
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.beginPath();
  for (const shift of [-6, 0, 6]) {
    context.moveTo(shift, 6);
    context.lineTo(shift + 6, 0);
  }
  context.stroke();
  return context.createPattern(tile, "repeat") ?? color;
}

function Rent(): JSX.Element {
  return (
    <div class="scroll map-rent" tabIndex={0} role="region" aria-label="Rent by source">
      <h3>Rent: ~tokens × the requests that carried them, whole rollout</h3>
      <RentRows class="wide-rent" most={60} />
    </div>
  );
}
