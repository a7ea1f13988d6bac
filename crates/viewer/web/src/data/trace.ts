/** A rollout as the page holds it: decoded columns, and lookups that several views need. */
import type {
  Causes, Hops, Items, Labels, Overview, RequestChanges, Review, RolloutOverview, Spans, Thing, Undelivered,
} from "../api";
import type { PartClass } from "../pure/palette";
import type { Runs } from "../pure/runs";
import { ListColumn, type Numbers, type Strings, ThingList, numbers, requestItems, rowSet, strings, wholeNumbers } from "./columns";

export const ITEM = 0;
export const REQUEST = 1;
export const TURN = 2;
export const AGENT = 3;
export const EDGE = 4;
export const CALL = 5;
export const CELL = 6;
export const OPERATION = 7;
export const TERMINAL = 8;
export const COMPACTION = 9;
export const ROOT = 10;
export const DEFINITION = 11;

interface Timed {
  start: Spans["turns"]["start"];
  end: Spans["turns"]["end"];
  start_seq: Spans["turns"]["start_seq"];
  end_seq: Spans["turns"]["end_seq"];
  status: Spans["turns"]["status"];
}

function timed(table: Timed) {
  return {
    start: wholeNumbers(table.start),
    end: numbers(table.end),
    startSeq: wholeNumbers(table.start_seq),
    endSeq: numbers(table.end_seq),
    status: strings(table.status).map((status) => status ?? "unknown"),
  };
}

function decodeRequests(table: Spans["requests"]) {
  const byClass = new Map<PartClass, readonly number[]>();
  for (const [name, column] of Object.entries(table.by_class)) {
    const known = partClass(name);
    const decoded = wholeNumbers(column);
    const sum = byClass.get(known);
    byClass.set(known, sum === undefined ? decoded : sum.map((tokens, row) => tokens + decoded[row]!));
  }
  return {
    ...timed(table),
    id: table.id,
    agent: wholeNumbers(table.agent),
    turn: numbers(table.turn),
    model: strings(table.model),
    before: numbers(table.before),
    base: numbers(table.items.base),
    kept: table.items.kept,
    own: new ListColumn(table.items.own),
    answer: new ListColumn(table.answer),
    answered: rowSet(table.answered),
    justSeen: new ListColumn(table.just_seen),
    unreadable: rowSet(table.unreadable),
    incremental: rowSet(table.incremental),
    doesNotFit: rowSet(table.usage_does_not_fit),
    byClass,
    tools: new ListColumn(table.tools),
    instructions: numbers(table.instructions),
    outputFormat: numbers(table.output_format),
    toolsTokens: numbers(table.tools_tokens),
    instructionsTokens: numbers(table.instructions_tokens),
    outputFormatTokens: numbers(table.output_format_tokens),
    itemsTokens: numbers(table.items_tokens),
    window: numbers(table.window_tokens),
    input: numbers(table.input_tokens),
    cached: numbers(table.cached_input_tokens),
    cacheWrite: numbers(table.cache_write_input_tokens),
    output: numbers(table.output_tokens),
    reasoning: numbers(table.reasoning_output_tokens),
    error: table.error,
    cancelReason: table.cancel_reason,
    requestPayload: table.request_payload,
    answerPayload: table.answer_payload,
    answerSeq: numbers(table.answer_seq),
  };
}

function decodeCalls(table: Spans["calls"]) {
  return {
    ...timed(table),
    id: table.id,
    agent: wholeNumbers(table.agent),
    turn: numbers(table.turn),
    name: strings(table.name).map((name) => name ?? "tool"),
    class: strings(table.class),
    label: table.label,
    request: numbers(table.request),
    byCell: numbers(table.by_cell),
    startedCell: numbers(table.started_cell),
    operation: numbers(table.operation),
    callItems: new ListColumn(table.call_items),
    outputItems: new ListColumn(table.output_items),
    runtimeStart: numbers(table.runtime_start),
    waits: rowSet(table.waits),
    invocationPayload: table.invocation_payload,
    resultPayload: table.result_payload,
    runtimePayloads: table.runtime_payloads,
  };
}

function decodeSpans(spans: Spans) {
  const { turns, cells, operations, terminals, edges, compactions, critical_path: path, losses } = spans;
  return {
    turns: { ...timed(turns), id: turns.id, agent: wholeNumbers(turns.agent), input: numbers(turns.input) },
    requests: decodeRequests(spans.requests),
    calls: decodeCalls(spans.calls),
    cells: {
      ...timed(cells),
      id: cells.id,
      agent: wholeNumbers(cells.agent),
      turn: numbers(cells.turn),
      label: cells.label,
      sourceItem: numbers(cells.source_item),
      outputItems: new ListColumn(cells.output_items),
      runtimeStatus: strings(cells.runtime_status),
      waits: new ListColumn(cells.waits),
      answerPayload: cells.answer_payload,
      resultPayload: cells.result_payload,
    },
    operations: {
      ...timed(operations),
      id: wholeNumbers(operations.id),
      call: numbers(operations.call),
      kind: strings(operations.kind),
      label: operations.label,
      exit: numbers(operations.exit_code),
      outputBytes: numbers(operations.output_bytes),
      terminal: numbers(operations.terminal),
      seenIn: new ListColumn(operations.seen_in),
    },
    terminals: {
      ...timed(terminals),
      id: terminals.id,
      agent: wholeNumbers(terminals.agent),
      processId: strings(terminals.process_id),
      exit: numbers(terminals.exit_code),
      operations: new ListColumn(terminals.operations),
    },
    edges: {
      id: edges.id,
      kind: strings(edges.kind).map((kind) => kind ?? "edge"),
      from: numbers(edges.from),
      to: numbers(edges.to),
      source: new ThingList(edges.source),
      target: new ThingList(edges.target),
      start: wholeNumbers(edges.start),
      end: numbers(edges.end),
      startSeq: wholeNumbers(edges.start_seq),
      endSeq: numbers(edges.end_seq),
      arrival: numbers(edges.arrival),
      deliveredSeq: numbers(edges.delivered_seq),
      items: new ListColumn(edges.items),
      payloads: edges.payloads,
    },
    compactions: {
      id: compactions.id,
      agent: wholeNumbers(compactions.agent),
      turn: numbers(compactions.turn),
      at: wholeNumbers(compactions.at),
      seq: wholeNumbers(compactions.seq),
      marker: numbers(compactions.marker),
      input: new ListColumn(compactions.input),
      replacement: new ListColumn(compactions.replacement),
      payload: compactions.payload,
    },
    compactionRequests: {
      ...timed(spans.compaction_requests),
      agent: wholeNumbers(spans.compaction_requests.agent),
      compaction: numbers(spans.compaction_requests.compaction),
      model: strings(spans.compaction_requests.model),
    },
    path: {
      start: wholeNumbers(path.start),
      ms: path.ms,
      class: strings(path.class).map((name) => name ?? "unrecorded"),
      agent: numbers(path.agent),
      thing: new ThingList(path.thing),
    },
    losses: {
      at: numbers(losses.at),
      seq: numbers(losses.seq),
      code: strings(losses.code),
      note: strings(losses.note),
    },
    definitions: spans.definitions,
  };
}

function decodeItems(items: Items) {
  const number = wholeNumbers(items.number);
  const row = new Map(number.map((item, at) => [item, at]));
  const agent = numbers(items.agent);
  let byAgent: Map<number, number[]> | null = null;
  return {
    number,
    row,
    agent,
    /** The rows of an agent's items. */
    ofAgent(which: number): readonly number[] {
      if (byAgent === null) {
        byAgent = new Map();
        for (let at = 0; at < agent.length; at += 1) {
          const list = byAgent.get(agent[at] ?? -1);
          if (list === undefined) {
            byAgent.set(agent[at] ?? -1, [at]);
          } else {
            list.push(at);
          }
        }
      }
      return byAgent.get(which) ?? [];
    },
    turn: numbers(items.turn),
    kind: strings(items.kind).map((kind) => kind ?? "item"),
    role: strings(items.role),
    name: strings(items.name),
    callId: strings(items.call_id),
    call: numbers(items.call),
    class: strings(items.class).map((name) => partClass(name ?? "unknown")),
    origin: strings(items.origin),
    certainty: strings(items.certainty),
    producer: new ThingList(items.producer),
    author: strings(items.author),
    recipient: strings(items.recipient),
    channel: strings(items.channel),
    bytes: items.bytes,
    tokens: items.tokens,
    sealed: items.sealed_bytes,
    media: items.media_parts,
    at: numbers(items.at),
    firstSeq: numbers(items.first_seq),
    lastSeq: numbers(items.last_seq),
    firstCarrier: numbers(items.first_carrier),
    lastCarrier: numbers(items.last_carrier),
    carriers: items.carriers,
    payload: items.payload,
  };
}

function decodeChanges(changes: RequestChanges) {
  return {
    kept: numbers(changes.kept),
    added: numbers(changes.added),
    dropped: numbers(changes.dropped),
    rewritten: numbers(changes.rewritten),
    moved: numbers(changes.moved),
    copied: numbers(changes.copied),
    retry: rowSet(changes.retry),
    rebuilt: rowSet(changes.rebuilt_unrecorded),
    prefixCause: strings(changes.prefix_cause),
    prefixTokens: numbers(changes.prefix_tokens),
    lostTokens: numbers(changes.lost_tokens),
    cache: strings(changes.cache),
    idle: numbers(changes.idle_ms),
  };
}

/** The next hop of a thing on the way to what began it all. */
export interface CauseHop {
  readonly relation: string;
  readonly to: Thing;
  readonly certainty: string;
  readonly seq: number | null;
  readonly payload: number | string | null;
  readonly name: string | null;
  readonly note: string | null;
}

/** The next hops of the things of one kind, as columns; a hop becomes an object when a path is followed. */
class HopTable {
  readonly #row: ReadonlyMap<number, number>;
  readonly #relation: Strings;
  readonly #to: ThingList;
  readonly #certainty: Strings;
  readonly #seq: Numbers;
  readonly #payload: Hops["payload"];
  readonly #name: Strings;
  readonly #note: Strings;

  constructor(hops: Hops) {
    this.#row = new Map(wholeNumbers(hops.of).map((number, row) => [number, row]));
    this.#relation = strings(hops.relation);
    this.#to = new ThingList(hops.to);
    this.#certainty = strings(hops.certainty);
    this.#seq = numbers(hops.seq);
    this.#payload = hops.payload;
    this.#name = strings(hops.name);
    this.#note = strings(hops.note);
  }

  next(number: number): CauseHop | null {
    const row = this.#row.get(number);
    const to = row === undefined ? null : this.#to.get(row);
    if (row === undefined || to === null) {
      return null;
    }
    return {
      relation: this.#relation[row] ?? "origin",
      to,
      certainty: this.#certainty[row] ?? "inferred",
      seq: this.#seq[row] ?? null,
      payload: this.#payload[row] ?? null,
      name: this.#name[row] ?? null,
      note: this.#note[row] ?? null,
    };
  }
}

function decodeCauses(causes: Causes) {
  const { items, requests, turns, agents, edges, calls, cells, operations, terminals, compactions } = causes;
  const tables = [items, requests, turns, agents, edges, calls, cells, operations, terminals, compactions].map((hops) => new HopTable(hops));
  return { roots: causes.roots, next: ([kind, number]: Thing) => tables[kind]?.next(number) ?? null };
}

/** The class of an origin, as colors know it. */
export function partClass(origin: string): PartClass {
  switch (origin) {
    case "model":
    case "person":
    case "agent":
    case "compaction":
    case "harness":
    case "tool":
    case "before":
      return origin;
    case "mcp":
      return "tool";
    default:
      return "lost";
  }
}

export type SpanTables = ReturnType<typeof decodeSpans>;
export type ItemTable = ReturnType<typeof decodeItems>;
export type ChangeTable = ReturnType<typeof decodeChanges>;
export type CauseTable = ReturnType<typeof decodeCauses>;

/** A rollout: what the page knows of it so far. Items, labels, the review, changes and causes follow the first paint. */
export class Trace {
  readonly name: string;
  readonly commandPath: string;
  readonly about: RolloutOverview;
  readonly spans: SpanTables;
  readonly undelivered: readonly Undelivered[];
  items: ItemTable | null = null;
  review: Review | null = null;
  changes: ChangeTable | null = null;
  causes: CauseTable | null = null;
  #labels: ReadonlyMap<number, string> | null = null;
  #requestItems = new Map<number, Runs>();
  #byAgent: { requests: number[][]; turns: number[][]; compactions: number[][] } | null = null;

  constructor(overview: Overview, about: RolloutOverview, spans: Spans) {
    this.name = overview.name;
    this.commandPath = overview.command_path;
    this.about = about;
    this.spans = decodeSpans(spans);
    this.undelivered = spans.undelivered;
  }

  setItems(items: Items): void {
    this.items = decodeItems(items);
  }

  setLabels(labels: Labels): void {
    const numberOf = wholeNumbers(labels.number);
    this.#labels = new Map(numberOf.map((number, row) => [number, labels.label[row] ?? ""]));
  }

  setChanges(changes: RequestChanges): void {
    this.changes = decodeChanges(changes);
  }

  /** Takes what is not taken anew with each row from what was shown before. */
  keepFrom(before: Trace | null): void {
    this.review = before?.review ?? null;
    this.changes = before?.changes ?? null;
    this.causes = before?.causes ?? null;
  }

  setCauses(causes: Causes): void {
    this.causes = decodeCauses(causes);
  }

  /** What an item says, in one line; empty if that is not known yet. */
  label(item: number): string {
    return this.#labels?.get(item) ?? "";
  }

  /** The items of a request, in order. */
  requestItems(request: number): Runs {
    let runs = this.#requestItems.get(request);
    if (runs === undefined) {
      const { base, kept, own } = this.spans.requests;
      runs = requestItems(base, kept, own, request);
      if (this.#requestItems.size > 2000) {
        this.#requestItems.clear();
      }
      this.#requestItems.set(request, runs);
    }
    return runs;
  }

  /** The estimated tokens of a request, or `null` if it cannot be read. */
  requestTokens(request: number): number | null {
    const { toolsTokens, instructionsTokens, outputFormatTokens, itemsTokens, unreadable } = this.spans.requests;
    if (unreadable.has(request) || toolsTokens[request] == null) {
      return null;
    }
    const rest = (instructionsTokens[request] ?? 0) + (outputFormatTokens[request] ?? 0);
    return toolsTokens[request]! + rest + (itemsTokens[request] ?? 0);
  }

  /** The requests, turns and compactions of an agent, in order. */
  ofAgent(agent: number): { requests: readonly number[]; turns: readonly number[]; compactions: readonly number[] } {
    if (this.#byAgent === null) {
      const group = (agents: readonly number[]) => {
        const groups: number[][] = this.about.agents.map(() => []);
        for (const [row, of] of agents.entries()) {
          groups[of]?.push(row);
        }
        return groups;
      };
      const { requests, turns, compactions } = this.spans;
      this.#byAgent = { requests: group(requests.agent), turns: group(turns.agent), compactions: group(compactions.agent) };
    }
    const { requests, turns, compactions } = this.#byAgent;
    return { requests: requests[agent] ?? [], turns: turns[agent] ?? [], compactions: compactions[agent] ?? [] };
  }

  /** The agent to which a thing belongs. */
  agentOf([kind, number]: Thing): number | null {
    const { spans } = this;
    switch (kind) {
      case ITEM: {
        const row = this.items?.row.get(number);
        return row === undefined ? null : (this.items?.agent[row] ?? null);
      }
      case REQUEST:
        return spans.requests.agent[number] ?? null;
      case TURN:
        return spans.turns.agent[number] ?? null;
      case AGENT:
        return number;
      case EDGE:
        return spans.edges.from[number] ?? spans.edges.to[number] ?? null;
      case CALL:
        return spans.calls.agent[number] ?? null;
      case CELL:
        return spans.cells.agent[number] ?? null;
      case OPERATION: {
        const call = spans.operations.call[number];
        return call == null ? null : (spans.calls.agent[call] ?? null);
      }
      case TERMINAL:
        return spans.terminals.agent[number] ?? null;
      case COMPACTION:
        return spans.compactions.agent[number] ?? null;
      default:
        return null;
    }
  }
}
