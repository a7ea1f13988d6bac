/** Bars that overlap, in lanes. */

/** The lanes that are drawn bar by bar; all further bars are one area. */
export const MOST_LANES = 6;

export interface Lanes {
  /** The lane of each bar; `MOST_LANES` for the bars in the area. */
  readonly lane: Uint8Array;
  /** How many lanes are in use, at most `MOST_LANES`. */
  readonly count: number;
  /** How many bars of the area run at once, as steps: from `at[i]` on there are `more[i]`. */
  readonly overflow: { readonly at: readonly number[]; readonly more: readonly number[]; readonly most: number };
}

/**
 * Gives each bar the first lane that is free at its start. Bars are sorted by start; `ends` may be infinite. Bars that
 * merely touch share a lane.
 */
export function packLanes(starts: ArrayLike<number>, ends: ArrayLike<number>, most = MOST_LANES): Lanes {
  const lane = new Uint8Array(starts.length);
  const free: number[] = [];
  const changes: [number, number][] = [];
  for (let bar = 0; bar < starts.length; bar += 1) {
    const start = starts[bar]!;
    // A bar without length takes up its place.
    const end = Math.max(ends[bar]!, start + Number.EPSILON * Math.abs(start));
    let chosen = free.findIndex((until) => until <= start);
    if (chosen < 0 && free.length < most) {
      chosen = free.length;
      free.push(0);
    }
    if (chosen < 0) {
      lane[bar] = most;
      changes.push([start, 1], [end, -1]);
    } else {
      lane[bar] = chosen;
      free[chosen] = end;
    }
  }
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const at: number[] = [];
  const more: number[] = [];
  let now = 0;
  let peak = 0;
  for (const [time, step] of changes) {
    now += step;
    peak = Math.max(peak, now);
    if (at.at(-1) === time) {
      more[more.length - 1] = now;
    } else {
      at.push(time);
      more.push(now);
    }
  }
  return { lane, count: free.length, overflow: { at, more, most: peak } };
}
