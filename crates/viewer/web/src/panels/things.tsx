/** The panels of items, calls, scripts, processes, turns, agents, interactions and compactions. */
import type { ComponentChildren, JSX } from "preact";
import type { Thing } from "../api";
import { agentName, command, itemWords, selectorOf } from "../data/names";
import { isCall, isOutput } from "../data/rows";
import { AGENT, CALL, CELL, COMPACTION, EDGE, ITEM, OPERATION, REQUEST, TERMINAL, TURN } from "../data/trace";
import { bytes, counted, duration, short, whole, words } from "../pure/format";
import { CLASSES, type PartClass } from "../pure/palette";
import { runsHave, runsLength } from "../pure/runs";
import { oneLine } from "../pure/text";
import { NoEnd } from "../tabs/conversation";
import { Certainty, Letter, Link, Section, Seq, classOf } from "../ui/bits";
import { usePage } from "../ui/page";
import { Code } from "../ui/code";
import { ThingText } from "../ui/texts";
import { CopyCommand, Facts, Payload } from "./parts";
import { WhyPanel } from "./why";

export function ThingPanel({ thing }: { readonly thing: Thing }): JSX.Element {
  const [kind, number] = thing;
  switch (kind) {
    case ITEM:
      return <ItemPanel item={number} />;
    case CALL:
      return <CallPanel call={number} />;
    case CELL:
      return <CellPanel cell={number} />;
    case OPERATION:
      return <OperationPanel operation={number} />;
    case TERMINAL:
      return <TerminalPanel terminal={number} />;
    case TURN:
      return <TurnPanel turn={number} />;
    case AGENT:
      return <AgentPanel agent={number} />;
    case EDGE:
      return <EdgePanel edge={number} />;
    default:
      return <CompactionPanel compaction={number} />;
  }
}

/** The panel of a thing: what it is, whatever belongs to it, and the command that says why it came about. */
function Frame(props: { readonly thing: Thing; readonly of: PartClass; readonly title: string; readonly sub: ComponentChildren; readonly children: ComponentChildren }): JSX.Element {
  const { trace } = usePage();
  return (
    <div class="panel-body">
      <div class="panel-head">
        <h2><Letter of={props.of} /> {oneLine(props.title, 140)}</h2>
        <p class="sub">{props.sub}</p>
      </div>
      {props.children}
      <div class="panel-foot"><CopyCommand question="why" parameters={selectorOf(trace, props.thing)} /></div>
    </div>
  );
}

function Span({ start, end, status }: { readonly start: number; readonly end: number | null | undefined; readonly status: string }): JSX.Element {
  // A process whose last operation ended may still have the status of a running one.
  const [good, word] = status === "running" ? [true, "ended"] : [status === "completed", words(status)];
  return (
    <>
      {end == null ? <NoEnd /> : <span class={good ? "" : "bad"}>{word}</span>}
      {end == null ? "" : ` · ${duration(end - start)}`} · at {duration(start)}
    </>
  );
}

function ItemPanel({ item }: { readonly item: number }): JSX.Element {
  const { trace } = usePage();
  const { items, spans } = trace;
  const row = items?.row.get(item);
  if (items === null || row === undefined) {
    return <Frame thing={[ITEM, item]} of="lost" title={`[${item}]`} sub={items === null ? "…" : "This item is not in the trace."}>{null}</Frame>;
  }
  const of = items.class[row]!;
  const kind = items.kind[row]!;
  const call = items.call[row];
  const carriers = items.carriers[row]!;
  const first = items.firstCarrier[row];
  const last = items.lastCarrier[row];
  const sealed = items.sealed[`${row}`];
  const media = items.media[`${row}`];
  const used = call != null && isCall(kind) ? call : null;
  const compactions = spans.compactions.id.flatMap((_, at) => (runsHave(spans.compactions.input.runs(at), item) ? [at] : []));
  return (
    <Frame thing={[ITEM, item]}
      of={of}
      title={`[${item}] ${words(kind)}`}
      sub={<>{oneLine(sourceWords(of, items.origin[row] ?? null), 80)}<Certainty is={items.certainty[row] ?? null} /></>}
    >
      <WhyPanel of={[ITEM, item]} title="Why is it here?" />
      <Section title="Carried by">
        {carriers === 0 ? <p class="warn">no request carried it: the model never saw it</p> : (
          <p>
            {counted(carriers, "request")}{first == null ? "" : <>, first <Link to={[REQUEST, first]}>request {first + 1}</Link></>}
            {last == null || last === first ? "" : <>, last <Link to={[REQUEST, last]}>request {last + 1}</Link></>}
            <br />
            <span class="sub">~{whole(items.tokens[row]!)} tokens × {whole(carriers)} = ~{short(items.tokens[row]! * carriers)} rent</span>
          </p>
        )}
        {compactions.map((at) => <p class="sub" key={at}>in the history before <Link to={[COMPACTION, at]}>a compaction</Link></p>)}
      </Section>
      {used === null ? null : <UsedBy call={used} />}
      <Section title="Text">
        <ThingText of={[ITEM, item]} look={isOutput(kind) ? "output" : of === "person" || of === "model" && !isCall(kind) ? "prose" : "code"} lines={24} />
      </Section>
      <Section title="Facts">
        <Facts rows={[
          ["kind", oneLine(`${words(kind)}${items.role[row] == null ? "" : ` · ${items.role[row]}`}`, 80)],
          ["size", `${bytes(items.bytes[row]!)} · ~${whole(items.tokens[row]!)} tokens`],
          sealed === undefined ? null : ["sealed", bytes(sealed)],
          media === undefined ? null : ["media", counted(media, "part")],
          items.callId[row] == null ? null : ["call id", oneLine(items.callId[row]!, 80)],
          ["agent", items.agent[row] == null ? "unknown" : <Link to={[AGENT, items.agent[row]!]} />],
          items.turn[row] == null ? null : ["turn", <Link to={[TURN, items.turn[row]!]}>turn {items.turn[row]! + 1}</Link>],
          ["first seen", <>{items.at[row] == null ? "" : `${duration(items.at[row]!)} `}<Seq seq={items.firstSeq[row] ?? null} /></>],
          items.lastSeq[row] == null || items.lastSeq[row] === items.firstSeq[row] ? null : ["last seen", <Seq seq={items.lastSeq[row]!} />],
        ]} />
        <Payload id={items.payload[row] ?? null} word="first shown in" />
      </Section>
    </Frame>
  );
}

function sourceWords(of: PartClass, origin: string | null): string {
  const { word } = CLASSES[of];
  return origin === null || origin === "" || of === "person" ? word : `${word}: ${words(origin)}`;
}

/** What a call item led to. */
function UsedBy({ call }: { readonly call: number }): JSX.Element {
  const { trace } = usePage();
  const { spans } = trace;
  const outputs = spans.calls.outputItems.list(call);
  const edges = spans.edges.source.rowsOf([CALL, call]);
  return (
    <Section title="What came of it">
      <ul class="lines">
        <li class="no-icon"><span>ran <Link to={[CALL, call]} most={100} /></span></li>
        {outputs.map((item) => <li class="no-icon" key={item}><span>gave <Link to={[ITEM, item]} most={100} /></span></li>)}
        {edges.map((edge) => <li class="no-icon" key={`e${edge}`}><span>sent <Link to={[EDGE, edge]}>{words(spans.edges.kind[edge]!)} to {oneLine(agentName(trace, spans.edges.to[edge]), 60)}</Link></span></li>)}
      </ul>
    </Section>
  );
}

function CallPanel({ call }: { readonly call: number }): JSX.Element {
  const { trace } = usePage();
  const { calls, operations, cells } = trace.spans;
  const operation = calls.operation[call];
  const outputs = calls.outputItems.list(call);
  const runtime = calls.runtimeStart[call];
  const end = calls.end[call];
  const request = calls.request[call];
  const cell = calls.byCell[call];
  const started = calls.startedCell[call];
  const exit = operation == null ? null : operations.exit[operation];
  const isCommand = operation != null && operations.kind[operation] === "exec_command";
  return (
    <Frame thing={[CALL, call]}
      of="tool"
      title={oneLine(calls.name[call]!, 80)}
      sub={
        <>
          <Span start={calls.start[call]!} end={end} status={calls.status[call]!} />
          {exit == null ? "" : exit === 0 ? " · exit 0" : <span class="bad"> · exit {exit}</span>}
          {calls.waits.has(call) ? " · waits" : ""} <Seq seq={calls.startSeq[call]!} />
        </>
      }
    >
      <WhyPanel of={[CALL, call]} title="Why was it run?" />
      <Section title="Call">
        <pre class="text code command">{isCommand ? "$ " : ""}<Code text={command(calls.label[call] ?? "")} language={isCommand ? "shell" : operation == null ? "json" : null} /></pre>
        <Facts rows={[
          ["asked by", request != null ? <Link to={[REQUEST, request]} /> : cell != null ? <Link to={[CELL, cell]} most={80} /> : "unknown"],
          ["ran", end == null ? <NoEnd /> : <>{duration(end - (runtime ?? calls.start[call]!))}{runtime == null ? "" : <span class="lesser"> after {duration(runtime - calls.start[call]!)} to start</span>}</>],
          operation == null ? null : ["terminal", <Link to={[OPERATION, operation]} most={80} />],
          started == null ? null : ["script", <Link to={[CELL, started]} most={80}>{oneLine(`script ${cells.label[started] ?? ""}`, 80)}</Link>],
          ["id", oneLine(calls.id[call]!, 80)],
          calls.endSeq[call] == null ? null : ["end", <Seq seq={calls.endSeq[call]!} />],
        ]} />
      </Section>
      <Section title="Output as the model saw it">
        {outputs.length === 0 ? <p class="sub">{calls.status[call] === "running" ? "no output recorded" : "no output reached the model"}</p> : null}
        {outputs.map((item) => (
          <div key={item}>
            <p><Link to={[ITEM, item]}>[{item}]</Link> <Carried item={item} /></p>
            <ThingText of={[ITEM, item]} look="output" lines={16} />
          </div>
        ))}
      </Section>
      {operation == null ? null : (
        <Section title="Output as it was recorded">
          <ThingText of={[OPERATION, operation]} look="output" lines={16} only={(part) => part.kind === "stdout" || part.kind === "stderr"} />
        </Section>
      )}
      <Section title="Raw">
        <Payload id={calls.invocationPayload[call] ?? null} word="invocation" />
        {(calls.runtimePayloads[`${call}`] ?? []).map((payload) => <Payload id={payload} word="runtime" key={`${payload}`} />)}
        <Payload id={calls.resultPayload[call] ?? null} word="result" />
      </Section>
    </Frame>
  );
}

function Carried({ item }: { readonly item: number }): JSX.Element | null {
  const { items } = usePage().trace;
  const row = items?.row.get(item);
  if (items == null || row === undefined) {
    return null;
  }
  const first = items.firstCarrier[row];
  return first == null ? <span class="warn">no request carried it</span> : <span class="sub">first in <Link to={[REQUEST, first]}>request {first + 1}</Link></span>;
}

function CellPanel({ cell }: { readonly cell: number }): JSX.Element {
  const { trace } = usePage();
  const { cells, calls } = trace.spans;
  const made = calls.byCell.flatMap((by, call) => (by === cell ? [call] : []));
  return (
    <Frame thing={[CELL, cell]} of="script" title="Script" sub={<><Span start={cells.start[cell]!} end={cells.end[cell]} status={cells.status[cell]!} /> <Seq seq={cells.startSeq[cell]!} /></>}>
      <WhyPanel of={[CELL, cell]} title="Why was it run?" />
      <Section title="Source"><ThingText of={[CELL, cell]} look="code" lines={24} /></Section>
      {made.length === 0 ? null : (
        <Section title={`It called ${counted(made.length, "tool")}`}>
          <ul class="lines">{made.slice(0, 40).map((call) => <li class="no-icon" key={call}><span class="cut"><Link to={[CALL, call]} most={100} /></span></li>)}</ul>
        </Section>
      )}
      <Section title="Output as the model saw it">
        {cells.outputItems.list(cell).map((item) => (
          <div key={item}><p><Link to={[ITEM, item]}>[{item}]</Link> <Carried item={item} /></p><ThingText of={[ITEM, item]} look="output" lines={16} /></div>
        ))}
      </Section>
      <Section title="Raw">
        <Payload id={cells.answerPayload[cell] ?? null} word="first answer" />
        <Payload id={cells.resultPayload[cell] ?? null} word="result" />
      </Section>
    </Frame>
  );
}

function OperationPanel({ operation }: { readonly operation: number }): JSX.Element {
  const { trace } = usePage();
  const { operations } = trace.spans;
  const call = operations.call[operation];
  const terminal = operations.terminal[operation];
  const exit = operations.exit[operation];
  const seen = operations.seenIn.list(operation);
  return (
    <Frame thing={[OPERATION, operation]} of="tool" title={words(operations.kind[operation] ?? "terminal operation")} sub={
      <><Span start={operations.start[operation]!} end={operations.end[operation]} status={operations.status[operation]!} />
        {exit == null ? "" : exit === 0 ? " · exit 0" : <span class="bad"> · exit {exit}</span>} <Seq seq={operations.startSeq[operation]!} /></>
    }>
      <WhyPanel of={[OPERATION, operation]} title="Why was it run?" />
      <Section title="Operation">
        <pre class="text code command"><Code text={operations.label[operation] ?? ""} language="shell" /></pre>
        <Facts rows={[
          call == null ? null : ["tool call", <Link to={[CALL, call]} most={80} />],
          terminal == null ? null : ["process", <Link to={[TERMINAL, terminal]} most={80} />],
          ["seen in", seen.length === 0 ? <span class="warn">no item: the model never saw it</span> : <>{seen.map((item) => <><Link to={[ITEM, item]}>[{item}]</Link> </>)}</>],
        ]} />
      </Section>
      <Section title={`Output as it was recorded${operations.outputBytes[operation] == null ? "" : `, ${bytes(operations.outputBytes[operation]!)}`}`}>
        <ThingText of={[OPERATION, operation]} look="output" lines={24} only={(part) => part.kind === "stdout" || part.kind === "stderr"} />
      </Section>
    </Frame>
  );
}

function TerminalPanel({ terminal }: { readonly terminal: number }): JSX.Element {
  const { trace } = usePage();
  const { terminals, operations } = trace.spans;
  const list = terminals.operations.list(terminal);
  const exit = terminals.exit[terminal];
  return (
    <Frame thing={[TERMINAL, terminal]} of="tool" title={`Process ${terminals.processId[terminal] ?? ""}`} sub={
      <><Span start={terminals.start[terminal]!} end={terminals.end[terminal]} status={terminals.status[terminal]!} />
        {exit == null ? "" : exit === 0 ? " · exit 0" : <span class="bad"> · exit {exit}</span>}</>
    }>
      <WhyPanel of={[TERMINAL, terminal]} title="Why was it started?" />
      <Section title={counted(list.length, "operation")}>
        <ul class="lines">
          {list.map((operation) => (
            <li class="no-icon" key={operation}>
              <span class="cut"><Link to={[OPERATION, operation]} most={100} /></span>
              <span class="number">{operations.end[operation] == null ? "" : duration(operations.end[operation]! - operations.start[operation]!)}</span>
            </li>
          ))}
        </ul>
      </Section>
    </Frame>
  );
}

function TurnPanel({ turn }: { readonly turn: number }): JSX.Element {
  const { trace } = usePage();
  const { turns, requests } = trace.spans;
  const of = trace.ofAgent(turns.agent[turn]!).requests.filter((request) => requests.turn[request] === turn);
  const input = turns.input[turn];
  return (
    <Frame thing={[TURN, turn]} of="harness" title={`Turn ${turn + 1}`} sub={<>of <Link to={[AGENT, turns.agent[turn]!]} /> · <Span start={turns.start[turn]!} end={turns.end[turn]} status={turns.status[turn]!} /> <Seq seq={turns.startSeq[turn]!} /></>}>
      {input == null ? null : <Section title="Began with"><p><Link to={[ITEM, input]} most={300} /></p></Section>}
      <WhyPanel of={[TURN, turn]} title="Why did it begin?" />
      <Section title={counted(of.length, "request")}>
        <ul class="lines">
          {of.slice(0, 200).map((request) => (
            <li class="no-icon" key={request}>
              <span><Link to={[REQUEST, request]}>request {request + 1}</Link></span>
              <span class="number">{requests.end[request] == null ? "" : duration(requests.end[request]! - requests.start[request]!)}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Facts"><Facts rows={[["id", oneLine(turns.id[turn]!, 80)]]} /></Section>
    </Frame>
  );
}

function AgentPanel({ agent }: { readonly agent: number }): JSX.Element {
  const { trace } = usePage();
  const about = trace.about.agents[agent]!;
  const children = trace.about.agents.flatMap((other, at) => (other.parent === agent ? [at] : []));
  return (
    <Frame thing={[AGENT, agent]} of="agent" title={about.name} sub={<>{about.nickname === null ? "" : `named ${oneLine(about.nickname, 40)} by the harness · `}{words(about.status)} · {duration(about.wall_ms)} <Seq seq={about.start_seq} /></>}>
      <WhyPanel of={[AGENT, agent]} title="Why was it started?" />
      {about.told.length === 0 ? null : (
        <Section title="Told"><ul class="lines">{about.told.slice(0, 20).map((item) => <ItemLine item={item} key={item} />)}</ul></Section>
      )}
      {about.gave_back.length === 0 ? null : (
        <Section title="Gave back"><ul class="lines">{about.gave_back.slice(0, 20).map((item) => <ItemLine item={item} key={item} />)}</ul></Section>
      )}
      {children.length === 0 ? null : (
        <Section title="Its agents"><ul class="lines">{children.slice(0, 40).map((child) => <li class="no-icon" key={child}><span class="cut"><Link to={[AGENT, child]} /></span></li>)}</ul></Section>
      )}
      <Section title="Facts">
        <Facts rows={[
          about.role === null ? null : ["role", oneLine(about.role, 60)],
          about.model === null ? null : ["model", oneLine(about.model, 60)],
          ["work", `${counted(about.turns, "turn")}, ${counted(about.requests, "request")}, ${counted(about.calls, "tool")}`],
          ["tokens", `${whole(about.input_tokens)} in (${whole(about.cached_input_tokens)} cached), ${whole(about.output_tokens)} out`],
          about.cwd === null ? null : ["folder", oneLine(about.cwd, 120)],
          ["thread", oneLine(about.thread_id, 80)],
        ]} />
      </Section>
    </Frame>
  );
}

function ItemLine({ item }: { readonly item: number }): JSX.Element {
  const { trace } = usePage();
  return <li><Letter of={classOf(trace, [ITEM, item])} /><span><Link to={[ITEM, item]} most={200}>[{item}] {oneLine(itemWords(trace, item), 200)}</Link></span></li>;
}

function EdgePanel({ edge }: { readonly edge: number }): JSX.Element {
  const { trace } = usePage();
  const { edges } = trace.spans;
  const source = edges.source.get(edge);
  const target = edges.target.get(edge);
  const arrival = edges.arrival[edge];
  return (
    <Frame thing={[EDGE, edge]} of="agent" title={words(edges.kind[edge]!)} sub={<>{oneLine(agentName(trace, edges.from[edge]), 60)} → {oneLine(agentName(trace, edges.to[edge]), 60)} · at {duration(edges.start[edge]!)} <Seq seq={edges.startSeq[edge]!} /></>}>
      <Section title="From"><p>{source == null ? "unknown" : <Link to={source} most={140} />}</p></Section>
      <Section title="To">
        <p>{target == null ? "unknown" : <Link to={target} most={140} />}</p>
        <p class="sub">{arrival == null ? "no request carried it" : <>first seen by the model in <Link to={[REQUEST, arrival]}>request {arrival + 1}</Link></>}</p>
      </Section>
      {edges.items.list(edge).length === 0 ? null : (
        <Section title="Carried">
          {edges.items.list(edge).map((item) => <div key={item}><p><Link to={[ITEM, item]}>[{item}]</Link></p><ThingText of={[ITEM, item]} look="prose" lines={16} /></div>)}
        </Section>
      )}
      <WhyPanel of={[EDGE, edge]} title="Why was it sent?" />
      <Section title="Raw">
        {(edges.payloads[`${edge}`] ?? []).map((payload) => <Payload id={payload} word="payload" key={`${payload}`} />)}
        <p class="sub">{oneLine(edges.id[edge]!, 120)}</p>
      </Section>
    </Frame>
  );
}

function CompactionPanel({ compaction }: { readonly compaction: number }): JSX.Element {
  const { trace } = usePage();
  const { compactions } = trace.spans;
  const { items } = trace;
  const before = compactions.input.list(compaction);
  const after = compactions.replacement.list(compaction);
  const tokens = (list: readonly number[]) => list.reduce((sum, item) => sum + (items?.tokens[items.row.get(item) ?? -1] ?? 0), 0);
  const copies = new Set<number>();
  for (const item of after) {
    const hop = trace.causes?.next([ITEM, item]);
    if (hop?.relation === "copied_from") {
      copies.add(hop.to[1]);
    }
  }
  const lost = before.filter((item) => !copies.has(item) && !after.includes(item));
  lost.sort((a, b) => (items?.tokens[items.row.get(b) ?? -1] ?? 0) - (items?.tokens[items.row.get(a) ?? -1] ?? 0) || a - b);
  return (
    <Frame thing={[COMPACTION, compaction]} of="compaction" title="Compaction" sub={<>of <Link to={[AGENT, compactions.agent[compaction]!]} /> · at {duration(compactions.at[compaction]!)} <Seq seq={compactions.seq[compaction]!} /></>}>
      <Section title="What it did">
        <p>{counted(runsLength(compactions.input.runs(compaction)), "item")} (~{whole(tokens(before))} tokens) became {whole(after.length)} (~{whole(tokens(after))}).</p>
      </Section>
      <Section title={`History after`}>
        <ul class="parts">{after.slice(0, 40).map((item) => <PartLine item={item} key={item} />)}</ul>
      </Section>
      <Section title={`Lost: ${counted(lost.length, "item")}, largest first`}>
        {lost.length === 0 ? <p class="sub">Nothing was lost.</p> : <ul class="parts">{lost.slice(0, 40).map((item) => <PartLine item={item} key={item} />)}</ul>}
        {lost.length > 40 ? <p class="sub">and {counted(lost.length - 40, "more item")}</p> : null}
      </Section>
      <WhyPanel of={[COMPACTION, compaction]} title="Why did it happen?" />
      <Section title="Raw"><Payload id={compactions.payload[compaction] ?? null} word="checkpoint" /></Section>
    </Frame>
  );
}

function PartLine({ item }: { readonly item: number }): JSX.Element {
  const { trace } = usePage();
  const row = trace.items?.row.get(item);
  return (
    <li>
      <Letter of={classOf(trace, [ITEM, item])} />
      <span class="cut"><Link to={[ITEM, item]} most={110} /></span>
      <span class="number">~{whole(row === undefined ? 0 : trace.items!.tokens[row]!)}</span>
    </li>
  );
}

