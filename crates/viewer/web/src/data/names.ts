/** The names of things: selectors for addresses and commands, and words for people. */
import type { Thing } from "../api";
import { words } from "../pure/format";
import { oneLine } from "../pure/text";
import {
  AGENT, CALL, CELL, COMPACTION, DEFINITION, EDGE, ITEM, OPERATION, REQUEST, ROOT, TERMINAL, TURN, type Trace,
} from "./trace";

/** A selector that the command line takes, too. */
export function selectorOf(trace: Trace, [kind, number]: Thing): string {
  const { spans, about } = trace;
  switch (kind) {
    case ITEM:
      return `item:${number}`;
    case REQUEST:
      return `request:${number + 1}`;
    case TURN:
      return `turn:${number + 1}`;
    case AGENT:
      return `agent:${about.agents[number]?.name ?? ""}`;
    case EDGE:
      return spans.edges.id[number] ?? "";
    case CALL:
      return `call:${spans.calls.id[number] ?? ""}`;
    case CELL:
      return `cell:${(spans.cells.id[number] ?? "").replace(/^code_cell:/, "")}`;
    case OPERATION:
      return `terminal_operation:${spans.operations.id[number] ?? ""}`;
    case TERMINAL:
      return `terminal:${spans.terminals.id[number] ?? ""}`;
    case COMPACTION:
      return `compaction:${spans.compactions.id[number] ?? ""}`;
    default:
      return "";
  }
}

type Lookup = ReadonlyMap<string, number>;
const lookups = new WeakMap<Trace, Record<string, Lookup>>();

function index(ids: readonly string[]): Lookup {
  return new Map(ids.map((id, row) => [id, row]));
}

function lookupsOf(trace: Trace): Record<string, Lookup> {
  let known = lookups.get(trace);
  if (known === undefined) {
    const { spans, about } = trace;
    known = {
      agent: index(about.agents.map((agent) => agent.name)),
      thread: index(about.agents.map((agent) => agent.thread_id)),
      request: index(spans.requests.id),
      turn: index(spans.turns.id),
      edge: index(spans.edges.id),
      call: index(spans.calls.id),
      cell: index(spans.cells.id),
      operation: index(spans.operations.id.map(String)),
      terminal: index(spans.terminals.id),
      compaction: index(spans.compactions.id),
    };
    lookups.set(trace, known);
  }
  return known;
}

/** The thing that a selector means, if it is one that this page writes or an id of an answer. */
export function thingOf(trace: Trace, selector: string): Thing | null {
  const { about } = trace;
  const at = selector.indexOf(":");
  const [prefix, rest] = at < 0 ? ["", selector] : [selector.slice(0, at), selector.slice(at + 1)];
  const known = lookupsOf(trace);
  const found = (kind: Thing[0], number: number | undefined): Thing | null => (number === undefined ? null : [kind, number]);
  const counted = (kind: Thing[0], most: number): Thing | null => {
    const number = /^\d+$/.test(rest) ? Number(rest) - 1 : Number.NaN;
    return number >= 0 && number < most ? [kind, number] : null;
  };
  switch (prefix) {
    case "item":
    case "conversation_item": {
      const number = /^\d+$/.test(rest) ? Number(rest) : Number.NaN;
      const exists = trace.items === null ? number >= 1 && number <= about.last_item : trace.items.row.has(number);
      return exists ? [ITEM, number] : null;
    }
    case "request":
      return counted(REQUEST, trace.spans.requests.id.length) ?? found(REQUEST, known["request"]!.get(rest));
    case "turn":
      return counted(TURN, trace.spans.turns.id.length) ?? found(TURN, known["turn"]!.get(rest));
    case "agent":
      return found(AGENT, known["agent"]!.get(rest) ?? known["thread"]!.get(rest));
    case "thread":
      return found(AGENT, known["thread"]!.get(rest));
    case "call":
      return found(CALL, known["call"]!.get(rest));
    case "cell":
      return found(CELL, known["cell"]!.get(rest) ?? known["cell"]!.get(`code_cell:${rest}`));
    case "code_cell":
      return found(CELL, known["cell"]!.get(selector));
    case "terminal_operation":
      return found(OPERATION, known["operation"]!.get(rest));
    case "terminal":
      return found(TERMINAL, known["terminal"]!.get(rest));
    case "terminal_session":
      return found(TERMINAL, known["terminal"]!.get(selector));
    case "compaction":
      return found(COMPACTION, known["compaction"]!.get(rest));
    case "":
      break;
    default:
      return found(EDGE, known["edge"]!.get(selector)) ?? byId(known, selector);
  }
  const numbered = /^(inference|turn)-(\d+)$/.exec(selector);
  if (numbered !== null) {
    return thingOf(trace, `${numbered[1] === "turn" ? "turn" : "request"}:${numbered[2]}`);
  }
  return byId(known, selector);
}

function byId(known: Record<string, Lookup>, id: string): Thing | null {
  const kinds: [string, Thing[0]][] = [
    ["call", CALL], ["cell", CELL], ["terminal", TERMINAL], ["compaction", COMPACTION], ["turn", TURN],
    ["thread", AGENT], ["agent", AGENT], ["request", REQUEST], ["edge", EDGE],
  ];
  for (const [name, kind] of kinds) {
    const number = known[name]!.get(id);
    if (number !== undefined) {
      return [kind, number];
    }
  }
  return null;
}

/** A command in the words of a person: without the shell around it. */
export function command(label: string): string {
  return label.replace(/^(?:\/(?:usr\/)?bin\/)?(?:ba|z|da)?sh -l?c /, "");
}

/** What a tool call is called: its command, or its tool and the beginning of its arguments. */
export function callWords(trace: Trace, call: number): string {
  const { name, label, operation } = trace.spans.calls;
  const said = label[call] ?? "";
  return operation[call] == null ? `${name[call]} ${said}`.trim() : `${name[call]} ${command(said)}`;
}

/** A thing in one line for people. */
export function wordsOf(trace: Trace, thing: Thing, most = 120): string {
  return oneLine(longWords(trace, thing), most);
}

function longWords(trace: Trace, [kind, number]: Thing): string {
  const { spans, about } = trace;
  switch (kind) {
    case ITEM: {
      return `[${number}] ${itemWords(trace, number)}`;
    }
    case REQUEST:
      return `request ${number + 1} of ${agentName(trace, spans.requests.agent[number])}`;
    case TURN:
      return `turn ${number + 1} of ${agentName(trace, spans.turns.agent[number])}`;
    case AGENT:
      return about.agents[number]?.name ?? "agent";
    case EDGE:
      return words(spans.edges.kind[number] ?? "edge");
    case CALL:
      return callWords(trace, number);
    case CELL:
      return `script ${spans.cells.label[number] ?? ""}`;
    case OPERATION:
      return `${spans.operations.kind[number] ?? "terminal"} ${command(spans.operations.label[number] ?? "")}`;
    case TERMINAL: {
      const first = spans.terminals.operations.list(number)[0];
      const label = first === undefined ? "" : command(spans.operations.label[first] ?? "");
      return `process ${spans.terminals.processId[number] ?? ""} ${label}`;
    }
    case COMPACTION:
      return `compaction of ${agentName(trace, spans.compactions.agent[number])}`;
    case ROOT:
      return trace.causes?.roots[number] ?? "unknown";
    case DEFINITION:
      return spans.definitions.name[number] || "instructions";
    default:
      return "";
  }
}

export function agentName(trace: Trace, agent: number | null | undefined): string {
  return agent == null ? "an unknown agent" : (trace.about.agents[agent]?.name ?? "an unknown agent");
}

/** What an item says, after who says it where that is not evident. */
export function itemWords(trace: Trace, item: number): string {
  const { items } = trace;
  const row = items?.row.get(item);
  const label = trace.label(item);
  if (items === null || row === undefined) {
    return label;
  }
  const author = items.author[row];
  if (author != null) {
    return `${author} → ${items.recipient[row] ?? "?"}: ${messageBody(label)}`;
  }
  const name = items.name[row];
  if (name != null && !label.startsWith("output of")) {
    return `${name} ${label}`;
  }
  return label === "" ? words(items.kind[row]!) : label;
}

/** A message between agents without the header lines that every one begins with. */
export function messageBody(text: string): string {
  const parts = /^Message Type:\s*(\S*).*?Payload:\s*(.*)$/s.exec(text);
  // Without a body, which may be sealed, its type says the most.
  return parts === null ? text : parts[2]! || words(parts[1]!).toLowerCase();
}
