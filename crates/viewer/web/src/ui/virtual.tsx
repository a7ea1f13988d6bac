/**
 * A list that holds only the rows in view. Heights are measured; when they change, the first visible row stays where it
 * is, and a row that was asked for stays where it was put until the person scrolls.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";

export interface Goal {
  readonly row: number;
  /** Changes when the row is asked for anew. */
  readonly ask: number;
  /** Where it is put: at the top of the list, or a quarter down, which shows what is before it. */
  readonly place?: "top" | "quarter";
}

interface Props<T> {
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => number | string;
  readonly estimate: (row: T) => number;
  readonly render: (row: T, at: number) => ComponentChildren;
  readonly goal: Goal | null;
  /** Is told the first row in view once a person who scrolled rests. */
  readonly rest?: (row: T, at: number) => void;
  readonly label: string;
}

/** How long a list rests before `rest` is told, in milliseconds. */
const REST = 300;

/** How far beyond the edges rows are built, in pixels. */
const BEYOND = 300;

/** The first row whose end is after `offset`. */
export function rowAt(tops: ArrayLike<number>, rows: number, offset: number): number {
  let low = 0;
  let high = rows;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle + 1]! <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return Math.min(low, Math.max(0, rows - 1));
}

export function VirtualList<T>({ rows, keyOf, estimate, render, goal, rest, label }: Props<T>): JSX.Element {
  const [version, redraw] = useReducer((count: number) => count + 1, 0);
  const port = useRef<HTMLDivElement>(null);
  /** Measured heights by key, so that rows keep them when the list changes. */
  const known = useRef(new Map<number | string, number>());
  const anchor = useRef<{ key: number | string; offset: number } | null>(null);
  const held = useRef<Goal | null>(null);
  const asked = useRef(-1);
  const width = useRef(0);
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const observer = useRef<ResizeObserver | null>(null);
  const heights = useMemo(() => {
    const all = new Float64Array(rows.length);
    for (let at = 0; at < all.length; at += 1) {
      all[at] = known.current.get(keyOf(rows[at]!)) ?? estimate(rows[at]!);
    }
    return all;
  }, [rows]);
  const tops = useMemo(() => {
    const sums = new Float64Array(heights.length + 1);
    for (let at = 0; at < heights.length; at += 1) {
      sums[at + 1] = sums[at]! + heights[at]!;
    }
    return sums;
  }, [heights, version]);

  if (goal !== null && goal.ask !== asked.current) {
    asked.current = goal.ask;
    held.current = goal;
  }
  const view = port.current;
  const height = view?.clientHeight ?? 800;
  let top = view?.scrollTop ?? 0;
  if (held.current !== null && held.current.row < rows.length) {
    top = goalTop(tops, held.current, height);
  } else if (anchor.current !== null) {
    const at = rowByKey(rows, keyOf, anchor.current.key, rowAt(tops, rows.length, top));
    if (at !== null) {
      top = tops[at]! + anchor.current.offset;
    }
  }
  top = Math.max(0, Math.min(top, tops[rows.length]! - height));
  const from = rows.length === 0 ? 0 : rowAt(tops, rows.length, top - BEYOND);
  const to = rows.length === 0 ? 0 : Math.min(rows.length, rowAt(tops, rows.length, top + height + BEYOND) + 1);

  useLayoutEffect(() => {
    const element = port.current!;
    if (Math.abs(element.scrollTop - top) > 0.5) {
      element.scrollTop = top;
    }
    let changed = false;
    if (width.current !== element.clientWidth) {
      width.current = element.clientWidth;
      known.current.clear();
      changed = true;
    }
    for (const [offset, child] of [...element.firstElementChild!.children].entries()) {
      observer.current?.observe(child);
      const measured = child.getBoundingClientRect().height;
      known.current.set(keyOf(rows[from + offset]!), measured);
      if (Math.abs(heights[from + offset]! - measured) > 0.25) {
        heights[from + offset] = measured;
        changed = true;
      }
    }
    if (rows.length > 0) {
      const first = rowAt(tops, rows.length, top);
      anchor.current = { key: keyOf(rows[first]!), offset: top - tops[first]! };
    }
    if (changed) {
      redraw(0);
    }
  });

  useEffect(() => {
    const element = port.current!;
    // Rows grow when their texts arrive; the list measures them then.
    observer.current = new ResizeObserver(() => redraw(0));
    observer.current.observe(element);
    for (const child of element.firstElementChild!.children) {
      observer.current.observe(child);
    }
    const release = () => {
      held.current = null;
      anchor.current = null;
    };
    for (const name of ["wheel", "pointerdown", "touchstart", "keydown"]) {
      element.addEventListener(name, release, { passive: true });
    }
    return () => observer.current?.disconnect();
  }, []);

  const onScroll = (event: Event) => {
    // The list may be gone by the time that its last scrolling is told.
    const element = event.currentTarget as HTMLElement;
    if (rows.length === 0 || Math.abs(element.scrollTop - top) <= 1) {
      return;
    }
    if (held.current === null) {
      const first = rowAt(tops, rows.length, element.scrollTop);
      anchor.current = { key: keyOf(rows[first]!), offset: element.scrollTop - tops[first]! };
      redraw(0);
      clearTimeout(resting.current);
      resting.current = setTimeout(() => rest?.(rows[first]!, first), REST);
    }
  };
  useEffect(() => () => clearTimeout(resting.current), [rows]);

  return (
    <div class="scroll list" ref={port} onScroll={onScroll} tabIndex={0} role="region" aria-label={label}>
      <div class="list-inner" style={{ height: `${tops[rows.length]}px` }}>
        {rows.slice(from, to).map((row, offset) => (
          <div class="list-row" key={keyOf(row)} style={{ top: `${tops[from + offset]}px` }}>
            {render(row, from + offset)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** How far the list is scrolled when a row is where it was asked for. */
function goalTop(tops: ArrayLike<number>, { row, place }: Goal, height: number): number {
  if (place === "top") {
    return tops[row]!;
  }
  return tops[row]! - Math.min(height / 4, Math.max(0, height - (tops[row + 1]! - tops[row]!)) );
}

function rowByKey<T>(rows: readonly T[], keyOf: Props<T>["keyOf"], key: number | string, near: number): number | null {
  for (let distance = 0; distance < rows.length; distance += 1) {
    const after = rows[near + distance];
    const before = rows[near - distance];
    if (after !== undefined && keyOf(after) === key) {
      return near + distance;
    }
    if (before !== undefined && keyOf(before) === key) {
      return near - distance;
    }
    if (after === undefined && before === undefined) {
      return null;
    }
  }
  return null;
}
