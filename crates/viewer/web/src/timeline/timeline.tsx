/** The timeline: minimap, ruler, critical path, and lanes by agent. */
import type { JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Thing } from "../api";
import { selectorOf } from "../data/names";
import { EDGE } from "../data/trace";
import { type ShownView, readView, writeView } from "../pure/address";
import type { Axis } from "../pure/axis";
import { whole } from "../pure/format";
import { usePage, useRedraw } from "../ui/page";
import { drawLanes } from "./draw";
import { endsOf } from "./ends";
import { type Spot, hitAt, moreAt, tipLines } from "./hit";
import { useKeys } from "./keys";
import { AgentLabels } from "./labels";
import { layOut, makeAxis, openAtFirst } from "./layout";
import { MoreList, type MoreThings } from "./more";
import { Measure, barsOf, flagsOf, readPalette } from "./paint";
import { HEAD, Places } from "./places";
import { type Range, RangeSums } from "./range";
import { type Scene, type View, xOf } from "./scene";
import { type Density, MINIMAP, RULER, STRIP, TOP, density, drawTop } from "./top";

/** How many agents' labels are built beyond the view. */
const BEYOND = 200;
/** When a view that a person made goes into the address. */
const REST = 300;

interface Tip {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly string[];
}

export function Timeline({ small }: { readonly small: boolean }): JSX.Element {
  const page = usePage();
  const { trace, selected, go, note, version, address } = page;
  const { review } = trace;
  const [mode, setMode] = useState<"time" | "order">(() => readView(address.view).mode);
  const [fold, setFold] = useState(true);
  const [showPath, setShowPath] = useState(true);
  const [opened, setOpened] = useState<ReadonlySet<number>>(() => openAtFirst(trace));
  const [shut, setShut] = useState<number | null>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const [range, setRange] = useState<Range | null>(null);
  const [more, setMore] = useState<MoreThings | null>(null);
  const redraw = useRedraw();

  const own = selected === null ? null : trace.agentOf(selected);
  // The agent of the selection is open, too, unless a person closes it.
  const open = useMemo(() => (own === null || own === shut || opened.has(own) ? opened : new Set([...opened, own])), [opened, own, shut]);
  const ends = useMemo(() => endsOf(trace), [trace, trace.spans]);
  const folded = useMemo(() => makeAxis(trace, ends, "time", true), [trace, ends]);
  const canFold = folded.folds.length > 0;
  const axis = useMemo(() => (mode === "time" && fold ? folded : makeAxis(trace, ends, mode, fold)), [trace, ends, mode, fold]);
  const places = useMemo(() => new Places(trace, axis, ends), [trace, axis, ends]);
  const layout = useMemo(() => layOut(trace, places, open), [trace, places, open]);
  const flags = useMemo(() => flagsOf(trace, ends), [trace, ends]);

  const view = useRef<View>({ from: 0, to: 1 });
  const shownAxis = useRef<Axis | null>(null);
  const wanted = useRef<ShownView | null>(readView(address.view));
  if (shownAxis.current !== axis) {
    const before = shownAxis.current;
    const asked = wanted.current?.mode === mode ? wanted.current.range : before?.kind === axis.kind ? rangeOf(before, view.current) : null;
    wanted.current = null;
    shownAxis.current = axis;
    view.current = asked === null ? wholeView(axis.length) : viewOf(axis, asked);
  }
  const top = useRef<HTMLCanvasElement>(null);
  const lanes = useRef<HTMLCanvasElement>(null);
  const port = useRef<HTMLDivElement>(null);
  const scene = useRef<Scene | null>(null);
  const counts = useRef<{ places: Places; width: number; value: Density } | null>(null);
  const frame = useRef(0);
  const rest = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const marks = useMemo(
    () => (review?.findings.findings ?? []).flatMap((finding, at) => {
      const ms = review?.finding_places[at]?.at_ms ?? null;
      return ms === null ? [] : [{ at: axis.place(ms, finding.seq), severity: finding.severity }];
    }),
    [review, axis],
  );
  const losses = useMemo(() => {
    const { about, spans } = trace;
    const places = spans.losses.at.flatMap((ms, row) => (ms === null ? [] : [axis.place(ms, spans.losses.seq[row] ?? null)]));
    // A trace that merely stops lacks whatever came after it.
    return about.stats.status === "running" && !about.is_followed ? [...places, axis.length] : places;
  }, [trace, axis]);

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
    if (counts.current === null || counts.current.places !== current.layout.places || counts.current.width !== width) {
      counts.current = { places: current.layout.places, width, value: density(current.layout.places, width) };
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
      trace, layout, ends, flags, palette: scene.current?.palette ?? readPalette(), measure: measure.current, marked,
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

  // What a person looks at is in the address once they rest.
  const remember = useCallback(() => {
    clearTimeout(rest.current);
    rest.current = setTimeout(() => note({ view: writeView({ mode, range: rangeOf(axis, view.current) }) }), REST);
  }, [note, mode, axis]);
  useEffect(() => {
    remember();
    return () => clearTimeout(rest.current);
  }, [remember, address]);

  const setView = useCallback((from: number, to: number) => {
    const all = wholeView(axis.length);
    const least = axis.kind === "order" ? 5 : Math.max(1, axis.length * 1e-6);
    const span = Math.min(all.to - all.from, Math.max(least, to - from));
    const begin = Math.max(all.from, Math.min(all.to - span, from + (to - from - span) / 2));
    view.current = { from: begin, to: begin + span };
    schedule();
    remember();
  }, [axis, schedule, remember]);
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

  // An address that says what to show, as those of the way back do.
  useEffect(() => {
    const asked = readView(address.view);
    if (address.view === null) {
      return;
    }
    if (asked.mode !== mode) {
      wanted.current = asked;
      setMode(asked.mode);
    } else {
      const { from, to } = asked.range === null ? wholeView(axis.length) : viewOf(axis, asked.range);
      setView(from, to);
    }
  }, [address]);

  // A selection comes into view once, and only then does the timeline move; where a person looks after that is theirs.
  const shownFor = useRef<unknown>(null);
  useEffect(() => {
    if (selected === null || shownFor.current === address) {
      return;
    }
    const found = barsOf(trace, selected).map((bar) => layout.find(bar)).find((place) => place !== null);
    if (!found) {
      return;
    }
    shownFor.current = address;
    const { from, to } = view.current;
    if (found.to < from || found.from > to) {
      const span = to - from;
      const middle = (found.from + found.to) / 2;
      setView(middle - span / 2, middle + span / 2);
    }
    const scroller = port.current!;
    const { y, height } = found.lane;
    if (y < scroller.scrollTop + HEAD || y + height > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = Math.max(0, y - scroller.clientHeight / 2);
    }
  }, [address, selected, layout]);
  useEffect(() => setShut(null), [address.at]);

  useKeys(page, layout, view, { zoom, pan, fitAll, fit, setMode, setFold, setShowPath });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape" && range !== null) {
        event.stopImmediatePropagation();
        setRange(null);
      }
    };
    addEventListener("keydown", press, true);
    return () => removeEventListener("keydown", press, true);
  }, [range]);

  const at = (event: MouseEvent): Spot => {
    const box = lanes.current!.getBoundingClientRect();
    const x = event.clientX - box.left;
    const scroll = port.current!.scrollTop;
    const { from, to } = view.current;
    return { x, y: event.clientY - box.top + scroll, place: from + (x / box.width) * (to - from), width: box.width, scroll };
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
        const spot = at(next);
        const many = moreAt(scene.current, view.current, spot);
        const hit = hitAt(scene.current, view.current, spot);
        if (many.length > 1) {
          setTip(null);
          setMore({ x: next.clientX, y: next.clientY, things: many });
        } else if (hit !== null) {
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

  const closeMore = useCallback(() => setMore(null), []);
  const scrollTop = port.current?.scrollTop ?? 0;
  const shown = port.current?.clientHeight ?? 400;
  const labeled = layout.groups.filter((group) => group.y < scrollTop + shown + BEYOND && group.y + group.height > scrollTop - BEYOND);
  const toggle = (agent: number) => {
    const next = new Set(open);
    const wasOpen = next.delete(agent);
    if (!wasOpen) {
      next.add(agent);
    }
    setOpened(next);
    setShut(wasOpen && agent === own ? agent : null);
  };
  const onScroll = () => {
    schedule();
    redraw();
  };
  return (
    <section class={small ? "timeline small" : "timeline"} aria-label="Timeline">
      <div class="timeline-top">
        <div class="timeline-labels">
          <div style={{ height: `${MINIMAP}px` }}>
            <span class="timeline-word">whole rollout</span>
            <Toggle on={showPath} word="path" title="Underline the critical path (c)" change={() => setShowPath(!showPath)} />
            <button type="button" class="tool-button" title="Show everything (0)" onClick={fitAll}>fit</button>
          </div>
          <div style={{ height: `${RULER}px` }}>
            <span class="timeline-word">{mode === "order" ? "events" : "time"}</span>
            <Toggle on={mode === "order"} word="order" title="The order of events instead of time (t)" change={() => setMode(mode === "order" ? "time" : "order")} />
            {canFold && mode === "time" ? <Toggle on={fold} word="fold idle" title="Fold stretches in which nothing runs (i)" change={() => setFold(!fold)} /> : null}
          </div>
          <div class="strip-label" style={{ height: `${STRIP}px` }}>critical path</div>
        </div>
        <div class="timeline-canvas">
          <canvas ref={top} class="top-canvas" onPointerDown={onTop} aria-hidden="true" />
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
      {range === null ? null : <RangeSums trace={trace} axis={axis} range={range} close={() => setRange(null)} />}
      {more === null ? null : <MoreList more={more} close={closeMore} />}
    </section>
  );
}

function wholeView(length: number): View {
  return { from: -length * 0.002, to: length * 1.002 };
}

/** The real stretch that is shown; `null` if that is everything. */
function rangeOf(axis: Axis, { from, to }: View): readonly [number, number] | null {
  return from <= 0 && to >= axis.length ? null : [axis.value(from), axis.value(to)];
}

function viewOf(axis: Axis, [from, to]: readonly [number, number]): View {
  const begin = axis.place(from, from);
  return { from: begin, to: Math.max(axis.place(to, to), begin + Math.max(1e-3, axis.length * 1e-6)) };
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

