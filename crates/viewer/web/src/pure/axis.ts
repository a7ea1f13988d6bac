/** The axis of the timeline: time, with stretches in which nothing runs folded, or the order of events. */
import { clock } from "./format";

/** A stretch of time that is drawn shorter than it was. */
export interface Fold {
  readonly from: number;
  readonly to: number;
  /** Where it lies on the axis. */
  readonly at: number;
  readonly width: number;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Axis {
  readonly kind: "time" | "order";
  /** The length of the axis in its own units. */
  readonly length: number;
  readonly folds: readonly Fold[];
  /** Where a moment lies, which is known by its time and its event. */
  place(ms: number, seq: number | null): number;
  /** What lies at a place: milliseconds, or an event. `place` leads back. */
  value(at: number): number;
  /** The ticks between two places, at least `least` pixels apart. */
  ticks(from: number, to: number, width: number, least: number): readonly Tick[];
  /** What lies at a place, for people. */
  say(at: number): string;
}

/** A stretch is folded from this length on, */
const LEAST_MS = 2000;
/** from this share of the whole on, */
const LEAST_SHARE = 0.04;
/** and becomes this share of the time in which something runs. */
const FOLDED_SHARE = 0.03;

/** The stretches in which nothing runs, given when things ran. */
export function idleStretches(starts: readonly number[], ends: readonly number[], whole: number): [number, number][] {
  const order = starts.map((_, at) => at).sort((a, b) => starts[a]! - starts[b]!);
  const idle: [number, number][] = [];
  let until = 0;
  for (const at of order) {
    if (starts[at]! > until) {
      idle.push([until, starts[at]!]);
    }
    until = Math.max(until, ends[at]!);
  }
  if (whole > until) {
    idle.push([until, whole]);
  }
  return idle;
}

export function timeAxis(whole: number, idle: readonly (readonly [number, number])[]): Axis {
  const length = Math.max(1, whole);
  const long = idle.filter(([from, to]) => to - from >= LEAST_MS && to - from >= LEAST_SHARE * length);
  const busy = length - long.reduce((sum, [from, to]) => sum + to - from, 0);
  const width = Math.max(busy * FOLDED_SHARE, length * 1e-6);
  const folds: Fold[] = [];
  let saved = 0;
  for (const [from, to] of long) {
    if (to - from > width) {
      folds.push({ from, to, at: from - saved, width });
      saved += to - from - width;
    }
  }
  const place = (ms: number) => {
    let shift = 0;
    for (const fold of folds) {
      if (ms < fold.from) {
        break;
      }
      if (ms < fold.to) {
        return fold.at + ((ms - fold.from) / (fold.to - fold.from)) * fold.width;
      }
      shift = fold.to - (fold.at + fold.width);
    }
    return ms - shift;
  };
  const time = (at: number) => {
    let shift = 0;
    for (const fold of folds) {
      if (at < fold.at) {
        break;
      }
      if (at < fold.at + fold.width) {
        return fold.from + ((at - fold.at) / fold.width) * (fold.to - fold.from);
      }
      shift = fold.to - (fold.at + fold.width);
    }
    return at + shift;
  };
  return {
    kind: "time",
    length: length - saved,
    folds,
    place,
    value: time,
    say: (at) => clock(time(at), 1),
    ticks(from, to, pixels, least) {
      const step = roundStep(((to - from) * least) / pixels);
      const apart = ((to - from) * least) / pixels;
      const ticks: Tick[] = [];
      let last = Number.NEGATIVE_INFINITY;
      for (const [begin, end] of stretchesBetween(time(from), time(to), folds)) {
        for (let ms = Math.ceil(begin / step) * step; ms <= end; ms += step) {
          const at = place(ms);
          if (at - last >= apart * 0.98) {
            ticks.push({ at, label: clock(ms, step) });
            last = at;
          }
        }
      }
      return ticks;
    },
  };
}

/** The stretches of real time between two moments that are not folded. */
function stretchesBetween(from: number, to: number, folds: readonly Fold[]): [number, number][] {
  const stretches: [number, number][] = [];
  let begin = from;
  for (const fold of folds) {
    if (fold.to <= begin || fold.from > to) {
      continue;
    }
    if (fold.from > begin) {
      stretches.push([begin, fold.from]);
    }
    begin = fold.to;
  }
  if (begin <= to) {
    stretches.push([begin, to]);
  }
  return stretches;
}

const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map((s) => s * 1000);

/** The smallest round step of a clock that is not below `least` milliseconds. */
export function roundStep(least: number): number {
  if (least <= 1000) {
    const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
    return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least * 0.999) ?? 1000;
  }
  return CLOCK_STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400_000) * 86_400_000;
}

/** The order of events: each event has the same width. */
export function orderAxis(last: number): Axis {
  return {
    kind: "order",
    length: last + 1,
    folds: [],
    place: (_, seq) => seq ?? last + 1,
    value: (at) => at,
    say: (at) => `#${Math.round(at)}`,
    ticks(from, to, pixels, least) {
      const step = Math.max(1, countStep(((to - from) * least) / pixels));
      const ticks: Tick[] = [];
      for (let seq = Math.ceil(from / step) * step; seq <= to; seq += step) {
        ticks.push({ at: seq, label: `#${seq}` });
      }
      return ticks;
    },
  };
}

function countStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least) ?? 10 * power;
}
