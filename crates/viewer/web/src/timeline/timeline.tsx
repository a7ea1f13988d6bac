/** The timeline: minimap, ruler, critical path, and lanes by agent. */
import type { JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Thing } from "../api";
import { agentName, selectorOf, wordsOf } from "../data/names";
import { AGENT, CALL, EDGE, OPERATION, REQUEST, type Trace } from "../data/trace";
import { duration, short, whole, words } from "../pure/format";
import { cutStart, oneLine } from "../pure/text";
import { type Page, usePage, useRedraw } from "../ui/page";
import {
  MINIMAP, RULER, STRIP, type Scene, TOP, type View, arrowsIn, density, drawLanes, drawTop, xOf,
} from "./draw";
import { CLOSED, HEAD, type Lane, type Layout, endsOf, layOut, makeAxis, openAtFirst } from "./layout";
import { Measure, barsOf, flagsOf, readPalette } from "./paint";

/** How many agents' labels are built beyond the view. */
const BEYOND = 200;
/** How far a pointer may miss a bar. */
const NEAR = 3;

interface Tip {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly string[];
}

interface Range {
  readonly from: number;
  readonly to: number;
}

export function Timeline({ small }: { readonly small: boolean }): JSX.Element {
  const page = usePage();
  const { trace, selected, go, version } = page;
  const [mode, setMode] = useState<"time" | "order">("time");
  const [fold, setFold] = useState(true);
  const [showPath, setShowPath] = useState(true);
  const [opened, setOpened] = useState<ReadonlySet<number>>(() => openAtFirst(trace));
  const [tip, setTip] = useState<Tip | null>(null);
  const [range, setRange] = useState<Range | null>(null);
  const redraw = useRedraw();

  const own = selected === null ? null : trace.agentOf(selected);
  // The agent of the selection is open, too.
  const open = useMemo(() => (own === null || opened.has(own) ? opened : new Set([...opened, own])), [opened, own]);
  const ends = useMemo(() => endsOf(trace), [trace, trace.spans]);
  const canFold = useMemo(() => makeAxis(trace, ends, "time", true).folds.length > 0, [trace, ends]);
  const axis = useMemo(() => makeAxis(trace, ends, mode, fold), [trace, ends, mode, fold]);
  const layout = useMemo(() => layOut(trace, axis, ends, open), [trace, axis, ends, open]);
  const flags = useMemo(() => flagsOf(trace, ends), [trace, ends]);

  const view = useRef<View>({ from: 0, to: 1 });
  const shownAxis = useRef<unknown>(null);
  if (shownAxis.current !== axis) {
    shownAxis.current = axis;
    view.current = wholeView(axis.length);
  }
  const top = useRef<HTMLCanvasElement>(null);
  const lanes = useRef<HTMLCanvasElement>(null);
  const port = useRef<HTMLDivElement>(null);
  const scene = useRef<Scene | null>(null);
  const counts = useRef<{ layout: Layout; width: number; value: ReturnType<typeof density> } | null>(null);
  const frame = useRef(0);

  const marks = useMemo(
    () => trace.about.findings.findings.flatMap((finding, at) => {
      const ms = trace.about.finding_places[at]?.at_ms ?? null;
      return ms === null ? [] : [{ at: axis.place(ms, finding.seq), severity: finding.severity }];
    }),
    [trace, axis],
  );
  const losses = useMemo(
    () => trace.spans.losses.at.flatMap((ms, row) => (ms === null ? [] : [axis.place(ms, trace.spans.losses.seq[row] ?? null)])),
    [trace, axis],
  );

  const paint = useCallback(() => {
    frame.current = 0;
    const topCanvas = top.current;
    const laneCanvas = lanes.current;
    const scroller = port.current;
    if (topCanvas === null || laneCanvas === null || scroller === null || scene.current === null) {
      return;
    }
    const width = topCanvas.clientWidth;
    const height = scroller.clientHeight;
    const topContext = fitCanvas(topCanvas, width, TOP);
    const laneContext = fitCanvas(laneCanvas, width, height);
    const current = { ...scene.current, measure: scene.current.measure ?? new Measure(laneContext) };
    if (counts.current === null || counts.current.layout !== current.layout || counts.current.width !== width) {
      counts.current = { layout: current.layout, width, value: density(current, width) };
    }
    drawTop(topContext, current, view.current, width, counts.current.value, marks, losses);
    drawLanes(laneContext, current, view.current, width, height, scroller.scrollTop);
    if (range !== null) {
      const x0 = xOf(view.current, width, Math.min(range.from, range.to));
      const x1 = xOf(view.current, width, Math.max(range.from, range.to));
      laneContext.fillStyle = current.palette.link;
      laneContext.globalAlpha = 0.12;
      laneContext.fillRect(x0, 0, x1 - x0, height);
      laneContext.globalAlpha = 1;
      laneContext.fillRect(x0, 0, 1, height);
      laneContext.fillRect(x1, 0, 1, height);
    }
  }, [marks, losses, range]);
  const schedule = useCallback(() => {
    if (frame.current === 0) {
      frame.current = requestAnimationFrame(paint);
    }
  }, [paint]);

  const measure = useRef<Measure | null>(null);
  useLayoutEffect(() => {
    measure.current ??= new Measure(lanes.current!.getContext("2d")!);
    const marked = new Set(selected === null ? [] : barsOf(trace, selected).map((thing) => thing.join(":")));
    scene.current = {
      trace, layout, ends, flags, palette: readPalette(), measure: measure.current, marked,
      selectedEdge: selected?.[0] === EDGE ? selected[1] : null, showPath, followed: trace.about.is_followed,
    };
    paint();
  }, [trace, layout, ends, flags, selected, showPath, version, paint]);

  useEffect(() => {
    const recolor = () => {
      if (scene.current !== null) {
        scene.current = { ...scene.current, palette: readPalette() };
        paint();
      }
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const observer = new ResizeObserver(recolor);
    observer.observe(port.current!);
    dark.addEventListener("change", recolor);
    addEventListener("schemechange", recolor);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", recolor);
      removeEventListener("schemechange", recolor);
    };
  }, [paint]);

  const setView = useCallback((from: number, to: number) => {
    const all = wholeView(axis.length);
    const least = axis.kind === "order" ? 5 : Math.max(1, axis.length * 1e-6);
    const span = Math.min(all.to - all.from, Math.max(least, to - from));
    const begin = Math.max(all.from, Math.min(all.to - span, from + (to - from - span) / 2));
    view.current = { from: begin, to: begin + span };
    schedule();
  }, [axis, schedule]);
  const zoom = useCallback((factor: number, at: number) => {
    const { from, to } = view.current;
    setView(at - (at - from) * factor, at + (to - at) * factor);
  }, [setView]);
  const pan = useCallback((share: number) => {
    const { from, to } = view.current;
    const by = (to - from) * share;
    setView(from + by, to + by);
  }, [setView]);
  const fitAll = useCallback(() => setView(0 - axis.length, axis.length * 2), [axis, setView]);
  const fit = useCallback((thing: Thing) => {
    const found = barsOf(trace, thing).map((bar) => layout.find(bar)).find((place) => place !== null);
    if (found) {
      const span = Math.max(found.to - found.from, axis.length * 1e-4);
      setView(found.from - span * 0.6, found.to + span * 0.6);
    }
  }, [trace, layout, axis, setView]);

  // The selection comes into view, and only then does the timeline move.
  useEffect(() => {
    if (selected === null) {
      return;
    }
    const found = barsOf(trace, selected).map((bar) => layout.find(bar)).find((place) => place !== null);
    if (!found) {
      return;
    }
    const { from, to } = view.current;
    if (found.to < from || found.from > to) {
      const span = to - from;
      const middle = (found.from + found.to) / 2;
      setView(middle - span / 2, middle + span / 2);
    }
    const scroller = port.current!;
    const { y, height } = found.lane;
    if (y < scroller.scrollTop || y + height > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = Math.max(0, y - scroller.clientHeight / 2);
    }
  }, [selected, layout]);

  useKeys(page, layout, view, { zoom, pan, fitAll, fit, setMode, setFold, setShowPath, clearRange: () => setRange(null), range });

  const at = (event: MouseEvent) => {
    const box = lanes.current!.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top + port.current!.scrollTop;
    const { from, to } = view.current;
    return { x, y, place: from + (x / box.width) * (to - from), width: box.width };
  };

  const onWheel = (event: WheelEvent) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(event.deltaY * 0.004), at(event).place);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      const box = lanes.current!.getBoundingClientRect();
      pan((event.deltaX === 0 ? event.deltaY : event.deltaX) / box.width);
    }
  };
  useEffect(() => {
    const scroller = port.current!;
    scroller.addEventListener("wheel", onWheel, { passive: false });
    return () => scroller.removeEventListener("wheel", onWheel);
  });

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) {
      return;
    }
    const start = at(event);
    const begin = view.current;
    const canvas = event.currentTarget as HTMLElement;
    let moved = false;
    const marking = event.shiftKey;
    const move = (next: PointerEvent) => {
      const now = at(next);
      if (!moved && Math.abs(now.x - start.x) < 4) {
        return;
      }
      moved = true;
      setTip(null);
      if (marking) {
        setRange({ from: start.place, to: now.place });
      } else {
        const by = ((start.x - now.x) / start.width) * (begin.to - begin.from);
        setView(begin.from + by, begin.to + by);
      }
    };
    const up = (next: PointerEvent) => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerup", up);
      if (!moved && scene.current !== null) {
        setRange(null);
        const hit = hitAt(scene.current, view.current, at(next));
        if (hit !== null) {
          go({ at: selectorOf(trace, hit) });
        }
      }
    };
    canvas.setPointerCapture(event.pointerId);
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", up);
  };

  const onHover = (event: MouseEvent) => {
    if (event.buttons !== 0 || scene.current === null) {
      return;
    }
    const where = at(event);
    const hit = hitAt(scene.current, view.current, where);
    setTip(hit === null ? null : { x: event.clientX, y: event.clientY, lines: tipLines(scene.current, hit) });
  };

  const onDouble = (event: MouseEvent) => {
    const hit = scene.current === null ? null : hitAt(scene.current, view.current, at(event));
    if (hit === null) {
      fitAll();
    } else {
      fit(hit);
    }
  };

  const onTop = (event: PointerEvent) => {
    const box = top.current!.getBoundingClientRect();
    if (event.clientY - box.top > MINIMAP) {
      return;
    }
    const canvas = top.current!;
    const move = (next: PointerEvent) => {
      const middle = ((next.clientX - box.left) / box.width) * axis.length;
      const span = view.current.to - view.current.from;
      setView(middle - span / 2, middle + span / 2);
    };
    const up = () => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerup", up);
    };
    canvas.setPointerCapture(event.pointerId);
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", up);
    move(event);
  };

  const scrollTop = port.current?.scrollTop ?? 0;
  const shown = port.current?.clientHeight ?? 400;
  const labeled = layout.groups.filter((group) => group.y < scrollTop + shown + BEYOND && group.y + group.height > scrollTop - BEYOND);
  const toggle = (agent: number) => {
    const next = new Set(open);
    if (!next.delete(agent)) {
      next.add(agent);
    }
    setOpened(next);
  };
  const onScroll = () => {
    schedule();
    redraw();
  };
  return (
    <section class={small ? "timeline small" : "timeline"} aria-label="Timeline">
      <div class="timeline-top">
        <div class="timeline-labels">
          <span style={{ height: `${MINIMAP}px` }}>whole rollout</span>
          <span style={{ height: `${RULER}px` }}>{mode === "order" ? "order of events" : axis.folds.length > 0 ? "time, idle folded" : "time"}</span>
          <span style={{ height: `${STRIP}px` }}>critical path</span>
        </div>
        <div class="timeline-canvas">
          <canvas ref={top} class="top-canvas" onPointerDown={onTop} aria-hidden="true" />
          <div class="timeline-tools">
            <Toggle on={mode === "order"} word="order" title="The order of events instead of time (t)" change={() => setMode(mode === "order" ? "time" : "order")} />
            {canFold && mode === "time" ? <Toggle on={fold} word="fold idle" title="Fold stretches in which nothing runs (i)" change={() => setFold(!fold)} /> : null}
            <Toggle on={showPath} word="critical path" title="Underline the critical path (c)" change={() => setShowPath(!showPath)} />
            <button type="button" class="tool-button" title="Show everything (0)" onClick={fitAll}>fit</button>
          </div>
        </div>
      </div>
      <div class="scroll lanes" ref={port} onScroll={onScroll} tabIndex={0} role="region" aria-label="Lanes by agent">
        <div class="lanes-inner" style={{ height: `${Math.max(layout.height, 24)}px` }}>
          <div class="lane-labels">
            {labeled.map((group) => (
              <AgentLabels key={group.agent} trace={trace} group={group} toggle={toggle} />
            ))}
          </div>
          <canvas
            ref={lanes}
            class="lanes-canvas"
            onPointerDown={onPointerDown}
            onMouseMove={onHover}
            onMouseLeave={() => setTip(null)}
            onDblClick={onDouble}
            role="img"
            aria-label={`${whole(trace.about.stats.model_calls)} requests and ${whole(trace.about.stats.tool_calls)} tools of ${whole(trace.about.agents.length)} agents; the conversation lists them all`}
          />
        </div>
      </div>
      {tip === null ? null : <Tooltip tip={tip} />}
      {range === null ? null : <RangeSums trace={trace} layout={layout} range={range} close={() => setRange(null)} />}
    </section>
  );
}

function wholeView(length: number): View {
  return { from: -length * 0.002, to: length * 1.002 };
}

function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

function Toggle(props: { readonly on: boolean; readonly word: string; readonly title: string; readonly change: () => void }): JSX.Element {
  return (
    <button type="button" class={props.on ? "tool-button on" : "tool-button"} aria-pressed={props.on} title={props.title} onClick={props.change}>
      {props.word}
    </button>
  );
}

function AgentLabels({ trace, group, toggle }: { readonly trace: Trace; readonly group: Layout["groups"][number]; readonly toggle: (agent: number) => void }): JSX.Element {
  const name = agentName(trace, group.agent);
  return (
    <>
      <div class={group.open ? "agent-label open" : "agent-label"} style={{ top: `${group.y}px`, height: `${group.open ? HEAD : CLOSED}px` }}>
        <button type="button" class="agent-toggle" aria-expanded={group.open} aria-label={`${group.open ? "Close" : "Open"} ${oneLine(name, 80)}`} onClick={() => toggle(group.agent)}>
          {group.open ? "▾" : "▸"}
        </button>
        <a class="agent-name" href={`#at=${encodeURIComponent(`agent:${name}`).replaceAll("%3A", ":").replaceAll("%2F", "/")}`} title={oneLine(name)}>{cutStart(oneLine(name), 21)}</a>
      </div>
      {group.open ? group.lanes.filter((lane) => lane.label !== "").map((lane) => (
        <div class="lane-label" key={`${lane.kind}${lane.y}`} style={{ top: `${lane.y}px`, height: `${lane.height}px` }}>{lane.label}</div>
      )) : null}
    </>
  );
}

/** What lies under the pointer. */
function hitAt(scene: Scene, view: View, { x, y, place, width }: { x: number; y: number; place: number; width: number }): Thing | null {
  for (const group of scene.layout.groups) {
    if (y < group.y || y >= group.y + group.height) {
      continue;
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

function compactionAt(scene: Scene, view: View, agent: number, x: number, width: number): Thing | null {
  const { compactions } = scene.trace.spans;
  for (const [row, at] of compactions.at.entries()) {
    if (compactions.agent[row] === agent && Math.abs(xOf(view, width, scene.layout.axis.place(at, compactions.seq[row]!)) - x) < 6) {
      return [9, row];
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
      best = lane.things[bar]!;
      distance = away;
    }
  }
  return best;
}

function tipLines(scene: Scene, thing: Thing): string[] {
  const { trace } = scene;
  const { spans } = trace;
  const [kind, number] = thing;
  const lines = [wordsOf(trace, thing, 110)];
  const table = { [REQUEST]: spans.requests, 2: spans.turns, [CALL]: spans.calls, 6: spans.cells, [OPERATION]: spans.operations, 8: spans.terminals }[kind as number];
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
    const on = spans.path.thing.some((other) => other !== null && other[0] === kind && other[1] === number);
    lines.push(on ? "on the critical path" : "not on the critical path");
  }
  return lines;
}

function Tooltip({ tip }: { readonly tip: Tip }): JSX.Element {
  const right = tip.x > innerWidth - 380;
  const below = tip.y < innerHeight - 110;
  return (
    <div
      class="tooltip"
      role="tooltip"
      style={{
        ...(right ? { right: `${innerWidth - tip.x + 12}px` } : { left: `${tip.x + 12}px` }),
        ...(below ? { top: `${tip.y + 14}px` } : { bottom: `${innerHeight - tip.y + 10}px` }),
      }}
    >
      {tip.lines.map((line, at) => (at === 0 ? <b key={at}>{line}</b> : <span key={at}>{line}</span>))}
    </div>
  );
}

/** The sums of a marked range. */
function RangeSums({ trace, layout, range, close }: { readonly trace: Trace; readonly layout: Layout; readonly range: Range; readonly close: () => void }): JSX.Element {
  const [from, to] = [Math.min(range.from, range.to), Math.max(range.from, range.to)];
  const { spans } = trace;
  const { axis } = layout;
  const within = (start: number, seq: number) => {
    const at = axis.place(start, seq);
    return at >= from && at <= to;
  };
  const requests = spans.requests.start.flatMap((start, row) => (within(start, spans.requests.startSeq[row]!) ? [row] : []));
  const calls = spans.calls.start.reduce((sum, start, row) => sum + (within(start, spans.calls.startSeq[row]!) ? 1 : 0), 0);
  const input = requests.reduce((sum, row) => sum + (spans.requests.input[row] ?? 0), 0);
  const output = requests.reduce((sum, row) => sum + (spans.requests.output[row] ?? 0), 0);
  const byClass = new Map<string, number>();
  if (axis.kind === "time") {
    for (const [at, start] of spans.path.start.entries()) {
      const begin = Math.max(from, axis.place(start, null));
      const end = Math.min(to, axis.place(start + spans.path.ms[at]!, null));
      if (end > begin) {
        const share = (end - begin) / Math.max(1e-9, axis.place(start + spans.path.ms[at]!, null) - axis.place(start, null));
        const name = spans.path.class[at]!;
        byClass.set(name, (byClass.get(name) ?? 0) + share * spans.path.ms[at]!);
      }
    }
  }
  return (
    <div class="range-sums" role="status">
      <b>{axis.say(from)} to {axis.say(to)}</b>
      <span>{whole(requests.length)} requests · {whole(calls)} tools · {short(input)} tokens in, {short(output)} out</span>
      {byClass.size === 0 ? null : <span>critical path: {[...byClass].sort((a, b) => b[1] - a[1]).map(([name, ms]) => `${words(name)} ${duration(ms)}`).join(" · ")}</span>}
      <button type="button" class="more" onClick={close}>close</button>
    </div>
  );
}

interface Moves {
  readonly zoom: (factor: number, at: number) => void;
  readonly pan: (share: number) => void;
  readonly fitAll: () => void;
  readonly fit: (thing: Thing) => void;
  readonly setMode: (change: (mode: "time" | "order") => "time" | "order") => void;
  readonly setFold: (change: (fold: boolean) => boolean) => void;
  readonly setShowPath: (change: (show: boolean) => boolean) => void;
  readonly clearRange: () => void;
  readonly range: Range | null;
}

/** Whether a key belongs to a field, and not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return event.ctrlKey || event.metaKey || event.altKey || target !== null && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
}

function useKeys(page: Page, layout: Layout, view: { readonly current: View }, moves: Moves): void {
  useEffect(() => {
    const middle = () => (view.current.from + view.current.to) / 2;
    const keys: Readonly<Record<string, () => void>> = {
      w: () => moves.zoom(0.7, middle()),
      s: () => moves.zoom(1 / 0.7, middle()),
      a: () => moves.pan(-0.2),
      d: () => moves.pan(0.2),
      0: () => moves.fitAll(),
      f: () => page.selected !== null && moves.fit(page.selected),
      t: () => moves.setMode((mode) => (mode === "order" ? "time" : "order")),
      i: () => moves.setFold((fold) => !fold),
      c: () => moves.setShowPath((show) => !show),
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      ArrowUp: () => lane(-1),
      ArrowDown: () => lane(1),
    };
    const found = () => (page.selected === null ? null : barsOf(page.trace, page.selected).map((bar) => layout.find(bar)).find((place) => place !== null) ?? null);
    const select = (thing: Thing | undefined) => {
      if (thing !== undefined) {
        page.go({ at: selectorOf(page.trace, thing) });
      }
    };
    const step = (by: number) => {
      const here = found();
      if (here !== null) {
        const at = here.lane.from.findIndex((from, bar) => from === here.from && here.lane.to[bar] === here.to);
        select(here.lane.things[at + by]);
      }
    };
    const lane = (by: number) => {
      const all = layout.groups.flatMap((group) => group.lanes.filter((other) => other.things.length > 0));
      const here = found();
      const at = here === null ? (by > 0 ? -1 : all.length) : all.indexOf(here.lane);
      const next = all[at + by];
      if (next !== undefined) {
        const place = here?.from ?? view.current.from;
        let nearest = 0;
        for (const [bar, from] of next.from.entries()) {
          if (Math.abs(from - place) < Math.abs(next.from[nearest]! - place)) {
            nearest = bar;
          }
        }
        select(next.things[nearest]);
      }
    };
    const press = (event: KeyboardEvent) => {
      const act = keys[event.key];
      const inList = (event.target as HTMLElement | null)?.closest?.(".tab-view, .panel") !== null && event.key.startsWith("Arrow") && document.activeElement !== document.body;
      if (act !== undefined && !isTyping(event) && !inList) {
        event.preventDefault();
        act();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
