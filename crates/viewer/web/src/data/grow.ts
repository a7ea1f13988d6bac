/**
 * Puts the rows of what is new into the columns of a page, as they cross: a row takes the place of the row with its number,
 * or follows the last one.
 */
import type { Deltas, Grown, GrownRows, Items, Labels, Lists, RolloutOverview, Spans, ThingColumn, Words } from "../api";
import { ListColumn, numbers, requestItems, strings, wholeNumbers } from "./columns";

/** What a page holds of a rollout and what grows row by row. */
export interface Columns {
  readonly about: RolloutOverview;
  readonly spans: Spans;
  readonly items: Items;
  readonly labels: Labels;
}

type Table = Readonly<Record<string, unknown>>;

/** Columns of the rows for which something holds. */
const ROW_LISTS = new Set(["start_unobserved", "unreadable", "incremental", "usage_does_not_fit", "answered", "waits"]);
/** Columns of the values that few rows have, by row. */
const ROW_MAPS = new Set(["error", "cancel_reason", "runtime_payloads", "payloads", "sealed_bytes", "media_parts"]);
/** Columns of numbers that are not written as differences. */
const PLAIN = new Set(["kept", "bytes", "tokens", "carriers"]);

export function deltas(values: readonly (number | null)[]): Deltas {
  let before = 0;
  return values.map((value) => {
    if (value === null) {
      return null;
    }
    const delta = value - before;
    before = value;
    return delta;
  });
}

function words(values: readonly (string | null)[]): Words {
  const places = new Map<string, number>();
  const at = values.map((value) => {
    if (value === null) {
      return null;
    }
    const place = places.get(value) ?? places.size;
    places.set(value, place);
    return place;
  });
  return { words: [...places.keys()], at };
}

/** Where the rows of a piece go: row `at` of the piece becomes row `to[at]`. */
type Places = readonly number[];

function replaced<T>(old: readonly T[], piece: readonly T[], to: Places): T[] {
  const all = [...old];
  for (const [at, row] of to.entries()) {
    all[row] = piece[at]!;
  }
  return all;
}

function lists(old: Lists, piece: Lists, to: Places): Lists {
  const [before, now] = [new ListColumn(old), new ListColumn(piece)];
  const source = replaced(old.runs.map((_, row) => ({ column: before, row })), to.map((_, row) => ({ column: now, row })), to);
  const runs = source.map(({ column, row }) => column.runs(row));
  const first = runs.flatMap((row) => row.filter((_, at) => at % 2 === 0));
  const count = runs.flatMap((row) => row.filter((_, at) => at % 2 === 1));
  return { runs: runs.map((row) => row.length / 2), first: deltas(first), count };
}

function rowList(old: Deltas, piece: Deltas, to: Places): Deltas {
  const rows = new Set(wholeNumbers(old));
  for (const row of to) {
    rows.delete(row);
  }
  for (const row of wholeNumbers(piece)) {
    rows.add(to[row]!);
  }
  return deltas([...rows].sort((a, b) => a - b));
}

function rowMap(old: Readonly<Record<string, unknown>>, piece: Readonly<Record<string, unknown>>, to: Places): Record<string, unknown> {
  const all: Record<string, unknown> = { ...old };
  for (const [at, row] of to.entries()) {
    delete all[row];
    if (piece[at] !== undefined) {
      all[row] = piece[at];
    }
  }
  return all;
}

/** Columns of numbers by name, which are 0 in the rows of a piece that lacks the name. */
function named(old: Record<string, Deltas>, piece: Record<string, Deltas>, to: Places, length: number): Record<string, Deltas> {
  const names = [...new Set([...Object.keys(old), ...Object.keys(piece)])].sort();
  const zeros = (count: number): Deltas => Array.from({ length: count }, () => 0);
  return Object.fromEntries(
    names.map((name) => {
      const column = replaced(numbers(old[name] ?? zeros(length)), numbers(piece[name] ?? zeros(to.length)), to);
      return [name, deltas(column)];
    }),
  );
}

function isLists(column: object): column is Lists {
  return "runs" in column;
}

function merged(name: string, old: unknown, piece: unknown, to: Places, length: number): unknown {
  if (name === "by_class") {
    return named(old as Record<string, Deltas>, piece as Record<string, Deltas>, to, length);
  }
  if (ROW_MAPS.has(name)) {
    return rowMap(old as Record<string, unknown>, piece as Record<string, unknown>, to);
  }
  if (Array.isArray(old) && Array.isArray(piece)) {
    if (ROW_LISTS.has(name)) {
      return rowList(old as Deltas, piece as Deltas, to);
    }
    const isPlain = PLAIN.has(name) || name.endsWith("payload") || [...old, ...piece].some((value) => typeof value === "string");
    return isPlain ? replaced(old, piece, to) : deltas(replaced(numbers(old as Deltas), numbers(piece as Deltas), to));
  }
  const [oldColumn, newColumn] = [old as object, piece as object];
  if (isLists(oldColumn)) {
    return lists(oldColumn, newColumn as Lists, to);
  }
  if ("words" in oldColumn) {
    return words(replaced(strings(oldColumn as Words), strings(newColumn as Words), to));
  }
  if ("kind" in oldColumn && "number" in oldColumn) {
    const [was, is] = [oldColumn as ThingColumn, newColumn as ThingColumn];
    return { kind: replaced(was.kind, is.kind, to), number: deltas(replaced(numbers(was.number), numbers(is.number), to)) };
  }
  return table(oldColumn as Table, newColumn as Table, to, length);
}

/** Puts the rows of a piece into a table that has `length` rows. */
function table<T extends object>(old: T, piece: T, to: Places, length: number): T {
  const names = Object.keys(old) as (keyof T & string)[];
  return Object.fromEntries(names.map((name) => [name, merged(name, old[name], piece[name], to, length)])) as T;
}

const TABLES: readonly (keyof GrownRows & keyof Spans)[] = [
  "turns", "requests", "calls", "cells", "operations", "terminals", "edges", "compactions",
];

function grownSpans(spans: Spans, grown: Grown): Spans {
  const piece = grown.spans;
  const next = { ...spans };
  for (const name of TABLES) {
    const to = wholeNumbers(grown.rows[name]);
    if (to.length > 0) {
      Object.assign(next, { [name]: table(spans[name], piece[name], to, spans[name].id.length) });
    }
  }
  if (piece.definitions.name.length > 0) {
    const { name, bytes, tokens } = spans.definitions;
    next.definitions = {
      name: [...name, ...piece.definitions.name],
      bytes: [...bytes, ...piece.definitions.bytes],
      tokens: [...tokens, ...piece.definitions.tokens],
    };
  }
  if (piece.compaction_requests.id.length > 0) {
    next.compaction_requests = piece.compaction_requests;
  }
  return next;
}

/** Where items go, by their numbers. New ones have higher numbers than those before. */
function placesOf(known: Deltas, fresh: Deltas): Places {
  const rows = new Map(wholeNumbers(known).map((number, row) => [number, row]));
  let end = rows.size;
  return wholeNumbers(fresh).map((number) => rows.get(number) ?? end++);
}

/** Notes that new requests carried their items. It changes nothing if the items know that already. */
function carried(items: Items, before: Spans, after: Spans): Items {
  const first = before.requests.id.length;
  const count = after.requests.id.length;
  if (first === count) {
    return items;
  }
  const row = new Map(wholeNumbers(items.number).map((number, at) => [number, at]));
  const columns = { first: [...numbers(items.first_carrier)], last: [...numbers(items.last_carrier)], seq: [...numbers(items.last_seq)] };
  const carriers = [...items.carriers];
  const { base, kept, own } = after.requests.items;
  const [bases, owns, seqs] = [numbers(base), new ListColumn(own), wholeNumbers(after.requests.start_seq)];
  for (let request = first; request < count; request += 1) {
    const runs = requestItems(bases, kept, owns, request);
    for (let at = 0; at < runs.length; at += 2) {
      for (let item = runs[at]!; item < runs[at]! + runs[at + 1]!; item += 1) {
        const place = row.get(item);
        if (place !== undefined && (columns.last[place] ?? -1) < request) {
          columns.first[place] ??= request;
          columns.last[place] = request;
          columns.seq[place] = Math.max(columns.seq[place] ?? 0, seqs[request]!);
          carriers[place] = carriers[place]! + 1;
        }
      }
    }
  }
  return {
    ...items,
    first_carrier: deltas(columns.first),
    last_carrier: deltas(columns.last),
    last_seq: deltas(columns.seq),
    carriers,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function grownAbout(about: RolloutOverview, grown: Grown, before: Spans, after: Spans): RolloutOverview {
  const agents = replaced(about.agents, grown.agents, wholeNumbers(grown.agent_numbers));
  const numbered = wholeNumbers(grown.items.number);
  const count = (name: keyof GrownRows & keyof Spans) => after[name].id.length;
  return {
    ...about,
    agents,
    last_seq: grown.last_seq,
    events: grown.events,
    end_ms: Math.max(about.end_ms, grown.end_ms),
    last_item: Math.max(about.last_item, ...numbered),
    time: { ...about.time, wall_ms: Math.max(about.time.wall_ms, grown.end_ms) },
    stats: {
      ...about.stats,
      status: grown.status as RolloutOverview["stats"]["status"],
      wall_ms: Math.max(about.stats.wall_ms, grown.end_ms),
      agents: agents.length,
      turns: count("turns"),
      model_calls: count("requests"),
      tool_calls: about.stats.tool_calls + count("calls") - before.calls.id.length,
      input_tokens: sum(agents.map((agent) => agent.input_tokens)),
      cached_input_tokens: sum(agents.map((agent) => agent.cached_input_tokens)),
      output_tokens: sum(agents.map((agent) => agent.output_tokens)),
    },
  };
}

/** Returns the columns with what is new in them. */
export function grow(columns: Columns, grown: Grown): Columns {
  const spans = grownSpans(columns.spans, grown);
  const to = placesOf(columns.items.number, grown.items.number);
  let { items, labels } = columns;
  if (to.length > 0) {
    items = table(items, grown.items, to, items.number.length);
    labels = { number: items.number, label: replaced(labels.label, grown.labels.label, to) };
  }
  items = carried(items, columns.spans, spans);
  return { about: grownAbout(columns.about, grown, columns.spans, spans), spans, items, labels };
}
