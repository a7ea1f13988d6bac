/** Lists of numbers as runs: `[first, count, first, count, …]`, as requests hold their items. */
export type Runs = readonly number[];

/** How many numbers a list holds. */
export function runsLength(runs: Runs): number {
  let length = 0;
  for (let at = 1; at < runs.length; at += 2) {
    length += runs[at]!;
  }
  return length;
}

/** The numbers of a list, in order. */
export function* numbersOf(runs: Runs): Generator<number> {
  for (let at = 0; at < runs.length; at += 2) {
    const first = runs[at]!;
    for (let offset = 0; offset < runs[at + 1]!; offset += 1) {
      yield first + offset;
    }
  }
}

/** Whether a list holds a number. */
export function runsHave(runs: Runs, number: number): boolean {
  for (let at = 0; at < runs.length; at += 2) {
    const first = runs[at]!;
    if (number >= first && number < first + runs[at + 1]!) {
      return true;
    }
  }
  return false;
}

/** The numbers of `runs` that `other` does not hold, in the order of `runs`. Costs the number of runs and the result. */
export function runsWithout(runs: Runs, other: Runs): number[] {
  const sorted = spans(other);
  const rest: number[] = [];
  for (let at = 0; at < runs.length; at += 2) {
    let from = runs[at]!;
    const end = from + runs[at + 1]!;
    let span = firstEndingAfter(sorted, from);
    while (from < end) {
      const [start, stop] = sorted[span] ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      while (from < Math.min(end, start)) {
        rest.push(from);
        from += 1;
      }
      if (from >= start) {
        from = Math.min(end, stop);
      }
      span += 1;
    }
  }
  return rest;
}

type Span = readonly [number, number];

/** The runs as sorted spans that do not overlap. */
function spans(runs: Runs): Span[] {
  const sorted: [number, number][] = [];
  for (let at = 0; at < runs.length; at += 2) {
    sorted.push([runs[at]!, runs[at]! + runs[at + 1]!]);
  }
  sorted.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const span of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && span[0] <= last[1]) {
      last[1] = Math.max(last[1], span[1]);
    } else {
      merged.push(span);
    }
  }
  return merged;
}

function firstEndingAfter(sorted: readonly Span[], number: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]![1] <= number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
