/** One agent's history as the model saw it. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Thing } from "../api";
import { command, selectorOf, thingOf } from "../data/names";
import { type NotSeen, notSeenByItem } from "../data/not-seen";
import { type Row, conversation, isCall, isOutput, keyOf, rowKey, rowThing, shownAs } from "../data/rows";
import { COMPACTION, ITEM, OPERATION, REQUEST, TURN, type Trace } from "../data/trace";
import { isPatch } from "../pure/code";
import { bytes, counted, duration, short, whole, words } from "../pure/format";
import { CLASSES, type PartClass } from "../pure/palette";
import { runsLength } from "../pure/runs";
import { firstLines, oneLine } from "../pure/text";
import { useAnswer } from "../panels/answer";
import { Certainty, Letter, Link } from "../ui/bits";
import { Code } from "../ui/code";
import { type Page, sameThing, usePage, useText } from "../ui/page";
import { ThingText } from "../ui/texts";
import { type Goal, VirtualList } from "../ui/virtual";

const NONE: ReadonlySet<number> = new Set();
/** How many lines of a call are shown before it is opened. */
const CALL_LINES = 10;

export function Conversation(): JSX.Element {
  const page = usePage();
  const { trace, agent, selected } = page;
  const [shown, setShown] = useState<ReadonlySet<number>>(NONE);
  const { rows, at } = useMemo(() => conversation(trace, agent, shown, page.version), [trace, trace.items, agent, shown, page.version]);
  const goal = useGoal(page, at);
  const notSeen = useNotSeen(page);
  if (trace.items === null) {
    return <div class="scroll empty-tab" tabIndex={0}>Reading the conversation …</div>;
  }
  if (rows.length === 0) {
    return <div class="scroll empty-tab" tabIndex={0}>No turn and no request was recorded.</div>;
  }
  const rest = (row: Row, at: number) => {
    const thing = rowThing(row);
    if (thing !== null) {
      page.note({ top: at === 0 ? null : selectorOf(trace, thing) });
    }
  };
  const showAll = (request: number) => setShown(new Set([...shown, request]));
  return (
    <VirtualList
      rows={rows}
      keyOf={rowKey}
      estimate={estimate}
      render={(row) => <ConversationRow row={row} showAll={showAll} selected={selected} notSeen={notSeen} />}
      goal={goal}
      rest={rest}
      label="Conversation"
    />
  );
}

/** After how many looks at a trace that grows it is asked anew what was not seen; there are up to five in a second. */
const LOOKS = 25;

const NOTHING: ReadonlyMap<number, readonly NotSeen[]> = new Map();

/** What was not seen, once the page knows the items to which it belongs. */
function useNotSeen({ source, trace, version }: Page): ReadonlyMap<number, readonly NotSeen[]> {
  const known = trace.items !== null && trace.causes !== null;
  const { answer } = useAnswer(
    async () => (known ? notSeenByItem(trace, await source.answer("unseen")) : null),
    `${known} ${trace.about.is_followed ? Math.floor(version / LOOKS) : "ended"}`,
  );
  // While a new answer is on its way, the one before it is better than none.
  const last = useRef(NOTHING);
  last.current = answer ?? last.current;
  return last.current;
}

/** The row of the selection, asked for anew whenever that changes; or the one to which the address says a person scrolled. */
function useGoal(page: Page, at: ReadonlyMap<number, number>): Goal | null {
  const { selected, agent, trace, address } = page;
  const last = useRef<{ thing: Thing | null; agent: number; found: boolean; ask: number; goal: Goal | null }>({ thing: null, agent: -1, found: false, ask: 0, goal: null });
  const scrolled = useRef<unknown>(null);
  const before = last.current;
  const ask = before.ask + 1;
  const top = address.top === null || scrolled.current === address ? null : thingOf(trace, address.top);
  const topRow = top === null ? null : rowOf(trace, top, at);
  const row = selected === null ? null : rowOf(trace, selected, at);
  if (topRow !== null) {
    scrolled.current = address;
    last.current = { thing: selected, agent, found: true, ask, goal: { row: topRow, ask, place: "top" } };
  } else if (!(sameThing(before.thing, selected) || before.thing === selected) || before.agent !== agent || !before.found && row !== null) {
    last.current = { thing: selected, agent, found: row !== null, ask, goal: row === null ? null : { row, ask, place: "quarter" } };
  }
  return last.current.goal;
}

/** The row that shows a thing, or the nearest thing that has one. */
function rowOf(trace: Trace, thing: Thing, at: ReadonlyMap<number, number>): number | null {
  for (const candidate of shownAs(trace, thing)) {
    const key = keyOf(candidate);
    const row = key === null ? undefined : at.get(key);
    if (row !== undefined) {
      return row;
    }
  }
  return null;
}

function estimate(row: Row): number {
  switch (row.kind) {
    case "request":
      return 25;
    case "turn":
    case "compaction":
      return 32;
    case "item":
      return row.outputs.length > 0 ? 130 : 66;
    default:
      return 36;
  }
}

function ConversationRow(props: { readonly row: Row; readonly showAll: (request: number) => void; readonly selected: Thing | null; readonly notSeen: ReadonlyMap<number, readonly NotSeen[]> }): JSX.Element {
  const { row, showAll, notSeen } = props;
  switch (row.kind) {
    case "turn":
      return <TurnRow turn={row.turn} />;
    case "request":
      return <RequestRule request={row.request} />;
    case "compaction":
      return <CompactionRow compaction={row.compaction} />;
    case "missing":
      return (
        <div class="row">
          <p class="missing hatched">{oneLine(row.why, 400)}</p>
        </div>
      );
    case "more":
      return (
        <div class="row">
          <button type="button" class="more" onClick={() => showAll(row.request)}>
            {counted(row.count, "more call")} in this answer
          </button>
        </div>
      );
    case "item":
      return <ItemRow item={row.item} outputs={row.outputs} unseen={row.unseen} notSeen={[row.item, ...row.outputs].flatMap((item) => notSeen.get(item) ?? [])} />;
  }
}

function selectedClass(page: Page, ...candidates: readonly Thing[]): string {
  const { selected, trace } = page;
  if (selected === null) {
    return "";
  }
  const marks = shownAs(trace, selected);
  return candidates.some((thing) => marks.some((mark) => sameThing(mark, thing))) ? " is-selected" : "";
}

function TurnRow({ turn }: { readonly turn: number }): JSX.Element {
  const page = usePage();
  const { turns } = page.trace.spans;
  const end = turns.end[turn];
  const status = turns.status[turn]!;
  return (
    <div class={`turn-row${selectedClass(page, [TURN, turn])}`}>
      <h2><Link to={[TURN, turn]} class="quiet">Turn {turn + 1}</Link></h2>
      <span class={status === "failed" ? "bad" : ""}>
        {end == null ? <NoEnd /> : `${words(status)} · ${duration(end - turns.start[turn]!)}`}
      </span>
    </div>
  );
}

/** What to say of something that did not end: it runs only if the trace is followed. */
export function NoEnd(): JSX.Element {
  const { trace } = usePage();
  return trace.about.is_followed ? <>running</> : <span class="warn">no end recorded</span>;
}

function RequestRule({ request }: { readonly request: number }): JSX.Element {
  const page = usePage();
  const { trace } = page;
  const { requests } = trace.spans;
  const tokens = trace.requestTokens(request);
  const input = requests.input[request];
  const end = requests.end[request];
  return (
    <a class={`rule${selectedClass(page, [REQUEST, request])}`} href={`#at=request:${request + 1}`}
      {...(sameThing(page.selected, [REQUEST, request]) ? { "aria-current": "true" as const } : {})}>
      <span class="arrow" aria-hidden="true">→</span>
      <b>Request {request + 1}</b>
      <span class="changes"><Changes request={request} /></span>
      <span class="figures-at-end">
        {tokens === null ? "not readable" : `~${short(tokens)}`}
        {input == null ? "" : <span class="reported"> ({short(input)} reported)</span>}
        {" · "}
        {end == null ? (trace.about.is_followed ? "running" : "no end") : duration(end - requests.start[request]!)}
      </span>
    </a>
  );
}

/** What a request changed, in words: "19 as before, 2 new, 1 gone · cache prefix broken: output trimmed". */
function Changes({ request }: { readonly request: number }): JSX.Element {
  const { trace } = usePage();
  const { changes } = trace;
  const { requests } = trace.spans;
  if (requests.unreadable.has(request)) {
    return <span class="warn">the request can't be read</span>;
  }
  if (changes === null || changes.kept[request] == null) {
    return <>{counted(runsLength(trace.requestItems(request)), "item")}, the first</>;
  }
  const at = (column: readonly (number | null)[]) => column[request] ?? 0;
  const fresh = at(changes.added);
  const gone = at(changes.dropped);
  const rewritten = at(changes.rewritten);
  const copied = at(changes.copied);
  const moved = at(changes.moved);
  const parts = [
    at(changes.kept) > 0 ? `${whole(at(changes.kept))} as before` : "",
    copied > 0 ? `${whole(copied)} copied` : "",
    fresh > 0 ? `${whole(fresh)} new` : "",
    rewritten > 0 ? `${whole(rewritten)} rewritten` : "",
    moved > 0 ? `${whole(moved)} moved` : "",
  ].filter((part) => part !== "");
  const cause = changes.prefixCause[request];
  return (
    <>
      {parts.join(", ") || "the same"}
      {gone > 0 ? <b>, {whole(gone)} gone</b> : null}
      {changes.retry.has(request) ? " · retry" : ""}
      {cause == null ? null : <span class="bad"> · cache prefix broken: {causeWord(cause)}</span>}
    </>
  );
}

export function causeWord(cause: string): string {
  return cause === "trimming" ? "output trimmed" : words(cause);
}

function CompactionRow({ compaction }: { readonly compaction: number }): JSX.Element {
  const page = usePage();
  const { compactions } = page.trace.spans;
  const before = runsLength(compactions.input.runs(compaction));
  const after = runsLength(compactions.replacement.runs(compaction));
  return (
    <div class={`compaction-row${selectedClass(page, [COMPACTION, compaction])}`}>
      <Letter of="compaction" />
      <span>
        <Link to={[COMPACTION, compaction]} class="quiet"><b>Compaction</b></Link>{" "}
        {counted(before, "item")} became {whole(after)}
      </span>
      <span class="at-end">seq {compactions.seq[compaction]}</span>
    </div>
  );
}

function ItemRow(props: { readonly item: number; readonly outputs: readonly number[]; readonly unseen: boolean; readonly notSeen: readonly NotSeen[] }): JSX.Element {
  const { item, outputs, unseen, notSeen } = props;
  const page = usePage();
  const { trace } = page;
  const items = trace.items!;
  const row = items.row.get(item);
  if (row === undefined) {
    return <div class="row item-row"><p class="missing">[{item}] is not in this trace.</p></div>;
  }
  const of = items.class[row]!;
  const kind = items.kind[row]!;
  const isACall = isCall(kind);
  const lines = of === "harness" || of === "before" ? 3 : 10;
  return (
    <div class={`row item-row${selectedClass(page, [ITEM, item], ...outputs.map((output): Thing => [ITEM, output]))}`}>
      <Letter of={of} />
      <div class="body">
        <ItemHead item={item} row={row} of={of} />
        {isACall ? <CallText item={item} row={row} /> : (
          <ThingText of={[ITEM, item]} lines={lines} look={isOutput(kind) ? "output" : of === "harness" || of === "instructions" ? "code" : "prose"} />
        )}
        {outputs.map((output) => <Output item={output} key={output} />)}
        {notSeen.map((what, at) => <NotSeenBox what={what} key={at} />)}
        {unseen && items.carriers[row] === 0 ? <p class="hint">no request carried it: the model never saw it</p> : null}
      </div>
      <div class="numbers">
        <Link to={[ITEM, item]} class="quiet">[{item}]</Link>
        <span>~{short(items.tokens[row] ?? 0)}</span>
      </div>
    </div>
  );
}

function ItemHead({ item, row, of }: { readonly item: number; readonly row: number; readonly of: PartClass }): JSX.Element {
  const { trace } = usePage();
  const items = trace.items!;
  const { calls, operations, cells } = trace.spans;
  const kind = items.kind[row]!;
  const author = items.author[row];
  const call = items.call[row];
  let title = headOf(of, kind, items.origin[row] ?? "", items.name[row] ?? null);
  if (author != null) {
    title = `${author} → ${items.recipient[row] ?? "?"}`;
  }
  const said: JSX.Element[] = [];
  if (isCall(kind) && call != null) {
    const end = calls.end[call];
    const operation = calls.operation[call];
    const exit = operation == null ? null : operations.exit[operation];
    said.push(<>{end == null ? <NoEnd /> : duration(end - calls.start[call]!)}</>);
    if (exit != null && exit !== 0) {
      said.push(<span class="bad">exit {exit}</span>);
    } else if (calls.status[call] !== "completed" && end != null) {
      said.push(<span class="bad">{words(calls.status[call]!)}</span>);
    }
  } else if (isCall(kind)) {
    const cell = cells.sourceItem.indexOf(item);
    const end = cell < 0 ? null : cells.end[cell];
    if (cell >= 0) {
      said.push(<>{end == null ? <NoEnd /> : duration(end - cells.start[cell]!)}</>);
      if (cells.status[cell] === "failed") {
        said.push(<span class="bad">failed</span>);
      }
    }
  }
  return (
    <p class="head">
      <Link to={[ITEM, item]} class="quiet"><b>{oneLine(title, 90)}</b></Link>
      {said.map((piece, at) => <span class="said" key={at}>{at > 0 ? "· " : ""}{piece}</span>)}
      <Certainty is={items.certainty[row] ?? null} />
    </p>
  );
}

function headOf(of: PartClass, kind: string, origin: string, name: string | null): string {
  if (isCall(kind)) {
    return name ?? origin ?? "call";
  }
  switch (of) {
    case "model":
      return kind === "reasoning" ? "reasoning" : "model";
    case "tool":
      return `tool: ${origin}`;
    case "harness":
      return `harness: ${words(origin)}`;
    case "compaction":
      return "compaction: its summary";
    case "before":
      return `from before the recording: ${words(origin)}`;
    case "lost":
      return CLASSES.lost.word;
    default:
      return CLASSES[of].word;
  }
}

/** What is called: a command after `$`, a patch, or the arguments as the model wrote them. */
function CallText({ item, row }: { readonly item: number; readonly row: number }): JSX.Element {
  const { trace } = usePage();
  const { calls, operations } = trace.spans;
  const [all, setAll] = useState(false);
  const call = trace.items!.call[row];
  const operation = call == null ? null : calls.operation[call];
  const text = useText([ITEM, item]);
  const isCommand = operation != null && operations.kind[operation] === "exec_command";
  const written = text === null ? null : argumentsOf(text.parts.map((part) => part.text).join(""), isCommand);
  if (written === null) {
    return <ThingText of={[ITEM, item]} look="code" lines={CALL_LINES} />;
  }
  const said = isCommand ? command(written.said) : written.said;
  const { head, more } = all ? { head: said, more: false } : firstLines(said, CALL_LINES, CALL_LINES * 200);
  return (
    <>
      <pre class="text code command">{isCommand ? "$ " : ""}<Code text={head} language="shell" /></pre>
      {more ? <button type="button" class="more" onClick={() => setAll(true)}>show all {bytes(said.length)}</button> : null}
      {written.rest === "" ? null : <pre class="text code lesser">{oneLine(written.rest, 300)}</pre>}
    </>
  );
}

/** The command or the patch in the arguments of a call, and the other arguments. */
function argumentsOf(text: string, isCommand: boolean): { said: string; rest: string } | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null) {
    return null;
  }
  for (const name of isCommand ? ["cmd", "command"] : ["input", "patch"]) {
    const { [name]: value, ...rest } = parsed as Record<string, unknown>;
    const said = Array.isArray(value) ? value.join(" ") : value;
    if (typeof said === "string" && (isCommand || isPatch(said))) {
      return { said, rest: Object.entries(rest).map(([key, other]) => `${key}: ${JSON.stringify(other)}`).join("  ") };
    }
  }
  return null;
}

/** What the raw output has and the model never saw, or what reached no model at all. */
function NotSeenBox({ what }: { readonly what: NotSeen }): JSX.Element {
  const [open, setOpen] = useState(false);
  const { bytes: count, of, operation } = what;
  const how = what.code === "output_cut" ? "" : ` (${words(what.code)})`;
  return (
    <div class="not-seen">
      <p class="hatched">
        <span>not seen by the model{count === null ? "" : `: ${whole(count)}${of === null ? "" : ` of ${whole(of)}`} bytes`}{how}<Certainty is={what.certainty} /></span>
        {operation === null ? null : <button type="button" class="more" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "▾ hide the raw output" : "▸ show the raw output"}</button>}
      </p>
      {operation === null ? <p class="sub">{oneLine(what.note, 200)}</p> : null}
      {open && operation !== null ? <ThingText of={[OPERATION, operation]} look="output" lines={20} only={(part) => part.kind === "stdout" || part.kind === "stderr"} /> : null}
    </div>
  );
}

/** An output under its call, with what the raw output has and the model never saw. */
function Output({ item }: { readonly item: number }): JSX.Element {
  const page = usePage();
  const { trace } = page;
  const row = trace.items?.row.get(item);
  const never = row !== undefined && trace.items!.carriers[row] === 0;
  const here = sameThing(page.selected, [ITEM, item]);
  return (
    <div class={`output-box${here ? " here" : ""}`}>
      <ThingText of={[ITEM, item]} look="output" lines={10} />
      <Link to={[ITEM, item]} class="quiet output-number">[{item}]</Link>
      {never ? <p class="hint">no request carried it: the model never saw it</p> : null}
    </div>
  );
}
