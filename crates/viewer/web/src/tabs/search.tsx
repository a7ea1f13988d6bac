/** Every text, searched line by line. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Grep, GrepRow, Thing } from "../api";
import { agentName, thingOf } from "../data/names";
import { searchTexts } from "../data/search";
import type { Source } from "../data/source";
import { CELL, ITEM, OPERATION, type Trace } from "../data/trace";
import { useAnswer } from "../panels/answer";
import { counted, whole, words } from "../pure/format";
import { oneLine } from "../pure/text";
import { Letter, Link, classOf } from "../ui/bits";
import { usePage } from "../ui/page";
import { VirtualList } from "../ui/virtual";

const MOST = 1000;
const FILTERS = ["thread", "kind", "role", "tool"] as const;

export function Search(): JSX.Element {
  const page = usePage();
  const { source, trace, address, go } = page;
  const pattern = address.more["q"] ?? "";
  const seen = address.more["seen"] ?? "";
  const [typed, setTyped] = useState(pattern);
  const field = useRef<HTMLInputElement>(null);
  // At once, so that no key is lost.
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => setTyped(pattern), [pattern]);
  const parameters: Record<string, string> = { pattern, limit: `${MOST}` };
  for (const name of FILTERS) {
    const value = address.more[name];
    if (value !== undefined && value !== "") {
      parameters[name] = value;
    }
  }
  const key = JSON.stringify(parameters);
  const { answer, problem } = useAnswer(() => (pattern === "" ? Promise.resolve(null) : search(source, trace, parameters)), `${key} ${source.form === "file" && trace.items === null}`);
  const rows = useMemo(() => (answer?.rows ?? []).filter((row) => seen === "" || wasSeen(trace, row) === (seen === "yes")), [answer, seen, trace]);
  const choose = (name: string, value: string) => go({ more: { ...address.more, [name]: value } }, true);
  const options = useMemo(() => choices(trace), [trace, trace.items]);
  const submit = (event: Event) => {
    event.preventDefault();
    go({ more: { ...address.more, q: typed } });
  };
  return (
    <div class="table-tab">
      <form class="tab-filter" role="search" onSubmit={submit}>
        <input ref={field} type="search" value={typed} placeholder="Search every text (a regular expression)" aria-label="Search every text" onInput={(event) => setTyped(event.currentTarget.value)} />
        {FILTERS.map((name) => options[name].length < 2 ? null : (
          <select key={name} aria-label={name === "thread" ? "agent" : name} value={address.more[name] ?? ""} onChange={(event) => choose(name, event.currentTarget.value)}>
            <option value="">any {name === "thread" ? "agent" : name}</option>
            {options[name].map((value) => <option key={value} value={value}>{oneLine(value, 40)}</option>)}
          </select>
        ))}
        <select aria-label="seen by a model" value={seen} onChange={(event) => choose("seen", event.currentTarget.value)}>
          <option value="">seen or not</option><option value="yes">seen by a model</option><option value="no">seen by none</option>
        </select>
      </form>
      {problem !== null ? <p class="table-note bad">{oneLine(problem, 300)}</p> : pattern === "" ? (
        <p class="table-note">Type what to look for, and press Enter. Results jump to the text; filters narrow them.</p>
      ) : answer === null ? <p class="table-note">Searching …</p> : (
        <p class="table-note">{rows.length === 0 ? `No text contains “${oneLine(pattern, 80)}”.` : `${counted(seen === "" ? answer.matches : rows.length, "line")}${answer.matches > MOST ? `, the first ${whole(MOST)} shown` : ""}`}</p>
      )}
      <VirtualList
        rows={rows}
        keyOf={(row) => `${row.id}:${row.line}:${row.column}`}
        estimate={() => 42}
        goal={null}
        label="Results"
        render={(row) => <Result row={row} pattern={pattern} />}
      />
    </div>
  );
}

async function search(source: Source, trace: Trace, parameters: Readonly<Record<string, string>>): Promise<Grep> {
  const texts = source.allTexts();
  return texts === null ? source.answer("grep", parameters) : searchTexts(trace, await texts, parameters);
}

function wasSeen(trace: Trace, row: GrepRow): boolean {
  const thing = thingOf(trace, row.id);
  if (thing === null) {
    return false;
  }
  const items = trace.items;
  const carried = (item: number) => (items?.carriers[items.row.get(item) ?? -1] ?? 0) > 0;
  switch (thing[0]) {
    case ITEM:
      return carried(thing[1]);
    case OPERATION:
      return row.where === "command" || trace.spans.operations.seenIn.list(thing[1]).some(carried);
    case CELL:
      return row.where === "source" || trace.spans.cells.outputItems.list(thing[1]).some(carried);
    default:
      return false;
  }
}

function choices(trace: Trace): Record<(typeof FILTERS)[number], string[]> {
  const distinct = (values: readonly (string | null)[]) => [...new Set(values.filter((value): value is string => value !== null && value !== ""))].sort();
  return {
    thread: trace.about.agents.map((agent) => agent.name),
    kind: distinct(trace.items?.kind ?? []),
    role: distinct(trace.items?.role ?? []),
    tool: distinct(trace.spans.calls.name),
  };
}

function Result({ row, pattern }: { readonly row: GrepRow; readonly pattern: string }): JSX.Element {
  const { trace } = usePage();
  const thing: Thing | null = thingOf(trace, row.id);
  const agent = row.thread_id === null ? null : thingOf(trace, `thread:${row.thread_id}`);
  const [before, match, after] = around(row.text, row.column, pattern);
  return (
    <div class="result">
      {thing === null ? <span /> : <Letter of={classOf(trace, thing)} />}
      <span class="result-text">
        <span class="sub">
          {thing === null ? oneLine(row.id) : <Link to={thing} most={70} />} · line {row.line}
          {row.where === "item" ? "" : ` · ${row.where}`}{agent === null ? "" : ` · ${oneLine(agentName(trace, agent[1]), 40)}`}{row.tool === null ? "" : ` · ${oneLine(words(row.tool), 40)}`}
        </span>
        <code class="result-line">{before}<mark>{match}</mark>{after}</code>
      </span>
    </div>
  );
}

/** The line around its first match. `column` counts bytes from 1. */
function around(line: string, column: number, pattern: string): [string, string, string] {
  const bytes = new TextEncoder().encode(line);
  const start = new TextDecoder().decode(bytes.subarray(0, Math.max(0, column - 1))).length;
  let length = 0;
  try {
    const found = new RegExp(pattern, "y");
    found.lastIndex = start;
    length = found.exec(line)?.[0].length ?? 0;
  } catch {
    // The program's expressions know more than the browser's: then only the place is known.
  }
  const from = Math.max(0, start - 60);
  return [
    (from > 0 ? "…" : "") + oneLine(line.slice(from, start)) + (/\s$/.test(line.slice(from, start)) ? " " : ""),
    oneLine(line.slice(start, start + length)),
    (/^\s/.test(line.slice(start + length)) ? " " : "") + oneLine(line.slice(start + length), 200),
  ];
}
