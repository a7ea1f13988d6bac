/** What the canvas of the timeline needs of colors, fonts and the rollout, looked up once. */
import type { Thing } from "../api";
import { CALL, CELL, EDGE, ITEM, OPERATION, REQUEST, TERMINAL, TURN, type Trace } from "../data/trace";
import { COLOR_NAMES, type Palette } from "../pure/palette";
import type { AllEnds } from "./ends";

/** The colors of the scheme that is in force. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const dark = style.colorScheme === "dark" || style.colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
  const palette: Record<string, string> = {};
  for (const name of COLOR_NAMES) {
    const written = style.getPropertyValue(`--${name}`).trim();
    const both = /light-dark\(\s*([^,]+),\s*([^)]+)\)/.exec(written);
    palette[name] = both === null ? written : (dark ? both[2]! : both[1]!).trim();
  }
  return palette as Palette;
}

export const FONT = `11px Inter, -apple-system, "Segoe UI", Roboto, "Noto Sans", Cantarell, Ubuntu, "Liberation Sans", system-ui, sans-serif`;

/** The widths of texts, measured once. */
export class Measure {
  readonly #known = new Map<string, number>();
  readonly #context: CanvasRenderingContext2D;

  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  width(text: string): number {
    let width = this.#known.get(text);
    if (width === undefined) {
      this.#context.font = FONT;
      width = this.#context.measureText(text).width;
      if (this.#known.size > 20_000) {
        this.#known.clear();
      }
      this.#known.set(text, width);
    }
    return width;
  }
}

export const FAILED = 1;
export const WAITS = 2;
export const TORN = 4;

/** Per kind and row: failed, waits, torn. */
export type Flags = ReadonlyMap<number, Uint8Array>;

export function flagsOf(trace: Trace, ends: AllEnds): Flags {
  const { turns, requests, calls, cells, terminals } = trace.spans;
  const make = (status: readonly string[], torn: Uint8Array, waits: ReadonlySet<number> | null) =>
    Uint8Array.from(status, (word, row) =>
      (word === "failed" || word === "aborted" ? FAILED : 0) | (waits?.has(row) ? WAITS : 0) | (torn[row] ? TORN : 0),
    );
  return new Map([
    [TURN, make(turns.status, ends.turns.torn, null)],
    [REQUEST, make(requests.status, ends.requests.torn, null)],
    [CALL, make(calls.status, ends.calls.torn, calls.waits)],
    [CELL, make(cells.status, ends.cells.torn, null)],
    [TERMINAL, make(terminals.status, ends.terminals.torn, null)],
  ]);
}

/** The things whose bars stand for a thing in the timeline. */
export function barsOf(trace: Trace, thing: Thing): Thing[] {
  const { spans } = trace;
  const [kind, number] = thing;
  switch (kind) {
    case ITEM: {
      const items = trace.items;
      const row = items?.row.get(number);
      if (items == null || row === undefined) {
        return [];
      }
      const call = items.call[row];
      if (call != null) {
        return [[CALL, call]];
      }
      const producer = items.producer.get(row);
      if (producer != null) {
        return [producer];
      }
      const carrier = items.firstCarrier[row];
      return carrier == null ? [] : [[REQUEST, carrier]];
    }
    case OPERATION: {
      const call = spans.operations.call[number];
      return call == null ? [] : [[CALL, call]];
    }
    case EDGE:
      return [thing];
    default:
      return [thing];
  }
}
