/** Decodes the columns that cross from the program to the page. */
import type { Deltas, Lists, Thing, ThingColumn, Words } from "../api";
import type { Runs } from "../pure/runs";

export type Numbers = readonly (number | null)[];
export type Strings = readonly (string | null)[];
/** No thing: no kind has this number. */
const NOTHING = 255;

/** A column of things, without an object for each. */
export class ThingList {
  readonly #kind: Uint8Array;
  readonly #number: Int32Array;

  constructor(column: ThingColumn) {
    this.#kind = Uint8Array.from(column.kind, (kind) => kind ?? NOTHING);
    this.#number = new Int32Array(column.number.length);
    let sum = 0;
    for (const [row, delta] of column.number.entries()) {
      this.#number[row] = delta === null ? 0 : (sum += delta);
    }
  }

  get length(): number {
    return this.#kind.length;
  }

  /** The thing of a row, if it has one. */
  get(row: number): Thing | null {
    const kind = this.#kind[row] ?? NOTHING;
    return kind === NOTHING ? null : [kind as Thing[0], this.#number[row]!];
  }

  has([kind, number]: Thing): boolean {
    for (let row = this.#kind.indexOf(kind); row >= 0; row = this.#kind.indexOf(kind, row + 1)) {
      if (this.#number[row] === number) {
        return true;
      }
    }
    return false;
  }

  /** The rows that name a thing. */
  rowsOf([kind, number]: Thing): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#kind.length; row += 1) {
      if (this.#kind[row] === kind && this.#number[row] === number) {
        rows.push(row);
      }
    }
    return rows;
  }
}

export function numbers(deltas: Deltas): Numbers {
  let sum = 0;
  return deltas.map((delta) => (delta === null ? null : (sum += delta)));
}

/** A column in which no row lacks its number. */
export function wholeNumbers(deltas: Deltas): readonly number[] {
  let sum = 0;
  return deltas.map((delta) => (sum += delta ?? 0));
}

export function strings(words: Words): Strings {
  return words.at.map((at) => (at === null ? null : (words.words[at] ?? null)));
}

/** The rows that a column of row numbers names. */
export function rowSet(deltas: Deltas): ReadonlySet<number> {
  return new Set(wholeNumbers(deltas));
}

/** A column of lists of numbers. */
export class ListColumn {
  readonly #first: readonly number[];
  readonly #count: readonly number[];
  readonly #begin: Uint32Array;

  constructor(lists: Lists) {
    this.#first = wholeNumbers(lists.first);
    this.#count = lists.count;
    this.#begin = new Uint32Array(lists.runs.length + 1);
    for (const [row, runs] of lists.runs.entries()) {
      this.#begin[row + 1] = this.#begin[row]! + runs;
    }
  }

  /** The list of a row as runs. */
  runs(row: number): Runs {
    const runs: number[] = [];
    for (let at = this.#begin[row] ?? 0; at < (this.#begin[row + 1] ?? 0); at += 1) {
      runs.push(this.#first[at]!, this.#count[at]!);
    }
    return runs;
  }

  /** The numbers of a row. */
  list(row: number): number[] {
    const list: number[] = [];
    for (let at = this.#begin[row] ?? 0; at < (this.#begin[row + 1] ?? 0); at += 1) {
      for (let offset = 0; offset < this.#count[at]!; offset += 1) {
        list.push(this.#first[at]! + offset);
      }
    }
    return list;
  }
}

/** The beginning of a list: at most `most` numbers of it. */
function firstOf(runs: Runs, most: number): number[] {
  const first: number[] = [];
  let left = most;
  for (let at = 0; at < runs.length && left > 0; at += 2) {
    const count = Math.min(runs[at + 1]!, left);
    first.push(runs[at]!, count);
    left -= count;
  }
  return first;
}

/** The items of a request: the beginning of an earlier request's, and its own. Costs the length of the chain. */
export function requestItems(base: Numbers, kept: readonly number[], own: ListColumn, row: number): Runs {
  const pieces: number[][] = [];
  let at: number | null = row;
  let need = Number.POSITIVE_INFINITY;
  while (at !== null && need > 0) {
    const fromBase: number = base[at] == null ? 0 : kept[at]!;
    if (need > fromBase) {
      pieces.push(firstOf(own.runs(at), need - fromBase));
    }
    need = Math.min(need, fromBase);
    at = base[at] ?? null;
  }
  const runs: number[] = [];
  for (const piece of pieces.reverse()) {
    for (let run = 0; run < piece.length; run += 2) {
      const last = runs.length - 2;
      if (last >= 0 && runs[last]! + runs[last + 1]! === piece[run]!) {
        runs[last + 1]! += piece[run + 1]!;
      } else {
        runs.push(piece[run]!, piece[run + 1]!);
      }
    }
  }
  return runs;
}
