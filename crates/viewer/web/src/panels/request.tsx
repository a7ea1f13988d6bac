/** Any request whole: what it is made of, what changed since the one before, and what that did to the cache. */
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ContextDiff, PrefixCause, Row, Usage } from "../api";
import { callWords, thingOf } from "../data/names";
import { ITEM, REQUEST, type Trace } from "../data/trace";
import { counted, duration, percent, percentExact, whole, words } from "../pure/format";
import { CLASS_ORDER, type PartClass } from "../pure/palette";
import { numbersOf, runsLength } from "../pure/runs";
import { oneLine } from "../pure/text";
import { causeWord, NoEnd } from "../tabs/conversation";
import { Certainty, Composition, Letter, Link, Section, Seq } from "../ui/bits";
import { usePage } from "../ui/page";
import { useAnswer } from "./answer";
import { CopyCommand, Payload } from "./parts";

/** How many parts, and how many changed items, are shown before the list is opened. */
const FEW = 6;
const FEW_ROWS = 8;

/** The estimated tokens of a request by class, in the order of classes, without empty ones. */
export function compositionOf(trace: Trace, request: number): [PartClass, number][] {
  const { requests } = trace.spans;
  const sums = new Map<PartClass, number>();
  const add = (of: PartClass, tokens: number | null | undefined) => {
    if (tokens != null && tokens > 0) {
      sums.set(of, (sums.get(of) ?? 0) + tokens);
    }
  };
  add("definitions", requests.toolsTokens[request]);
  add("instructions", requests.instructionsTokens[request]);
  add("instructions", requests.outputFormatTokens[request]);
  for (const [of, tokens] of requests.byClass) {
    add(of, tokens[request]);
  }
  return CLASS_ORDER.filter((of) => sums.has(of)).map((of) => [of, sums.get(of)!]);
}

export function RequestPanel({ request }: { readonly request: number }): JSX.Element {
  const page = usePage();
  const { trace } = page;
  const { requests } = trace.spans;
  const agent = trace.about.agents[requests.agent[request]!];
  const turn = requests.turn[request];
  const end = requests.end[request];
  const error = requests.error[`${request}`] ?? requests.cancelReason[`${request}`];
  return (
    <div class="panel-body">
      <div class="panel-head">
        <h2>
          <Letter of="model" /> Request {request + 1}{" "}
          <span class="lesser-title">
            of <Link to={[3, requests.agent[request]!]}>{oneLine(agent?.name ?? "?", 80)}</Link>
            {turn == null ? "" : <>, <Link to={[2, turn]}>turn {turn + 1}</Link></>}
          </span>
        </h2>
        <p class="sub">
          {oneLine(requests.model[request] ?? "unknown model", 60)} ·{" "}
          {end == null ? <NoEnd /> : <span class={requests.status[request] === "completed" ? "" : "bad"}>{words(requests.status[request]!)}</span>}
          {end == null ? "" : ` · ${duration(end - requests.start[request]!)}`} · at {duration(requests.start[request]!)}{" "}
          <Seq seq={requests.startSeq[request]!} />
        </p>
        {error === undefined ? null : <p class="bad">{oneLine(error, 400)}</p>}
      </div>
      <ContextSection request={request} />
      <Since request={request} />
      <Answer request={request} />
      <Section title="Raw">
        <Payload id={requests.requestPayload[request] ?? null} word="request" />
        <Payload id={requests.answerPayload[request] ?? null} word="response" />
        <CopyCommand question="context" parameters={`request:${request + 1}`} />
      </Section>
    </div>
  );
}

interface PartRow {
  readonly of: PartClass;
  readonly tokens: number;
  readonly item?: number;
  readonly words: string;
}

/** The parts of a request in order; tool definitions are one row, or each its own. */
function partsOf(trace: Trace, request: number, each: boolean): PartRow[] {
  const { requests, definitions } = trace.spans;
  const rows: PartRow[] = [];
  const tools = requests.tools.list(request);
  if (each) {
    rows.push(...tools.map((tool): PartRow => ({ of: "definitions", tokens: definitions.tokens[tool] ?? 0, words: oneLine(definitions.name[tool] || "tool", 80) })));
  } else if (tools.length > 0) {
    rows.push({ of: "definitions", tokens: requests.toolsTokens[request] ?? 0, words: counted(tools.length, "tool definition") });
  }
  if ((requests.instructionsTokens[request] ?? 0) > 0) {
    rows.push({ of: "instructions", tokens: requests.instructionsTokens[request]!, words: "instructions" });
  }
  if ((requests.outputFormatTokens[request] ?? 0) > 0) {
    rows.push({ of: "instructions", tokens: requests.outputFormatTokens[request]!, words: definitions.name[requests.outputFormat[request] ?? -1] || "output format" });
  }
  const { items } = trace;
  if (items !== null) {
    for (const item of numbersOf(trace.requestItems(request))) {
      const row = items.row.get(item);
      rows.push({ of: row === undefined ? "lost" : items.class[row]!, tokens: row === undefined ? 0 : items.tokens[row]!, item, words: "" });
    }
  }
  return rows;
}

function ContextSection({ request }: { readonly request: number }): JSX.Element {
  const { trace, version } = usePage();
  const [order, setOrder] = useState<"few" | "all">("few");
  const parts = useMemo(() => partsOf(trace, request, order === "all"), [trace, request, version, order]);
  const total = trace.requestTokens(request);
  const tools = trace.spans.requests.tools.list(request).length;
  const count = runsLength(trace.requestItems(request)) + tools + parts.filter((part) => part.of === "instructions" && part.item === undefined).length;
  const sum = parts.reduce((tokens, part) => tokens + part.tokens, 0);
  const window = trace.spans.requests.window[request];
  const shown = order === "few" ? [...parts].sort((a, b) => b.tokens - a.tokens).slice(0, FEW) : parts;
  return (
    <Section
      title={
        <>
          Context, ~{whole(total ?? sum)} tokens in {counted(count, "part")}
          {window == null || window === 0 ? null : <small> {percent((total ?? sum) / window)} of the window of {whole(window)}</small>}
        </>
      }
    >
      {total === null ? <p class="warn">The request can't be read: tools and instructions are missing from these sums.</p> : null}
      <Composition parts={compositionOf(trace, request)} />
      <ul class="parts">
        {shown.map((part, at) => (
          <li key={at}>
            <Letter of={part.of} />
            <span class="cut">{part.item === undefined ? part.words : <Link to={[ITEM, part.item]} most={120} />}</span>
            <span class="number">~{whole(part.tokens)}</span>
            <span class="number">{percentExact(sum === 0 ? 0 : part.tokens / sum)}</span>
          </li>
        ))}
      </ul>
      {count > FEW ? (
        <button type="button" class="more" onClick={() => setOrder(order === "few" ? "all" : "few")}>
          {order === "few" ? `all ${whole(count)} in order` : "only the largest"}
        </button>
      ) : null}
    </Section>
  );
}

function Since({ request }: { readonly request: number }): JSX.Element | null {
  const { source, trace, version } = usePage();
  const { answer, problem } = useAnswer(
    () => source.answer("context-diff", { request: `${request + 1}` }),
    `${request} ${trace.about.is_followed ? version : 0}`,
  );
  if (problem !== null) {
    return <Section title="Since the request before"><p class="sub">{problem}</p></Section>;
  }
  if (answer === null) {
    return <Section title="Since the request before"><p class="sub">…</p></Section>;
  }
  if (answer.before === null) {
    return <Section title="Since the request before"><p class="sub">It is the first request.</p><UsageRows usage={answer.usage?.after ?? null} request={request} /></Section>;
  }
  return (
    <>
      <Differences diff={answer} />
      <PromptCache diff={answer} />
      <Section title="Usage"><UsageRows usage={answer.usage?.after ?? null} request={request} /></Section>
    </>
  );
}

function Differences({ diff }: { readonly diff: ContextDiff }): JSX.Element {
  const { trace } = usePage();
  const [all, setAll] = useState(false);
  const before = thingOf(trace, diff.before!);
  const title = <>Since {before === null ? oneLine(diff.before!) : <Link to={before}>{before[0] === REQUEST ? `request ${before[1] + 1}` : undefined}</Link>}</>;
  if (diff.readable === false) {
    return <Section title={title}><p class="warn">One of the two requests can't be read, so that nothing is compared.</p></Section>;
  }
  const counts = diff.counts;
  const said = counts === undefined ? [] : (["kept", "added", "dropped", "rewritten", "moved", "copied"] as const)
    .filter((name) => counts[name] > 0 || name === "kept")
    .map((name) => `${whole(counts[name])} ${name}`);
  const rows = diff.items ?? [];
  const shown = all ? rows : rows.slice(0, FEW_ROWS);
  return (
    <Section title={title}>
      <p>{said.join(", ")}{diff.retry ? " · a retry" : ""}</p>
      {diff.relation === "other_thread" ? <p class="sub">compared with the request of the parent that spawned this agent</p> : null}
      {diff.model?.changed ? <p class="warn">model: {oneLine(diff.model.before)} → {oneLine(diff.model.after)}</p> : null}
      {diff.instructions?.changed ? <p class="warn">the instructions changed</p> : null}
      {diff.tools?.changed ? <p class="warn">tools: {toolChange(diff)}</p> : null}
      {(diff.settings_changed ?? []).length > 0 ? <p class="sub">settings changed: {oneLine(diff.settings_changed!.join(", "), 200)}</p> : null}
      {diff.rebuilt_unrecorded ? <p class="warn">the history was rebuilt by something that nobody recorded</p> : null}
      <ul class="changes-list">
        {shown.map((row, at) => <ChangeRow row={row} key={at} />)}
      </ul>
      {all || rows.length <= FEW_ROWS ? null : (
        <button type="button" class="more" onClick={() => setAll(true)}>{whole(rows.length - FEW_ROWS)} more changes</button>
      )}
    </Section>
  );
}

function toolChange(diff: ContextDiff): string {
  const { added, removed, rewritten, reordered } = diff.tools!;
  const list = (word: string, names: readonly string[]) => (names.length === 0 ? "" : `${word} ${oneLine(names.join(", "), 160)}`);
  return [list("added", added), list("removed", removed), list("rewritten", rewritten), reordered ? "reordered" : ""].filter((part) => part !== "").join("; ");
}

const SIGNS: Readonly<Record<string, string>> = { added: "+", dropped: "−", rewritten: "≠", moved: "↕", copied: "=" };

const CAUSES: Readonly<Record<string, string>> = {
  tool_result: "tool result",
  agent_message: "an agent's message",
  person: "a person wrote",
  harness: "the harness wrote",
  earlier_answer: "an earlier answer",
  trimming: "output trimmed",
  answer_not_kept: "the answer was not kept",
  fork: "fork",
};

function ChangeRow({ row }: { readonly row: Row }): JSX.Element {
  const { trace } = usePage();
  const thing = thingOf(trace, row.item_id);
  const was = row.was_item_id == null ? null : thingOf(trace, row.was_item_id);
  return (
    <li class={`change ${row.change}`}>
      <span class="sign" role="img" aria-label={row.change}>{SIGNS[row.change] ?? "·"}</span>
      <span>
        {thing === null ? oneLine(row.item_id) : <Link to={thing} most={110} />}
        <span class="change-why">
          {was === null ? "" : <>was <Link to={was}>[{was[1]}]</Link> · </>}
          {CAUSES[row.cause] ?? words(row.cause)}
          <Certainty is={row.certainty} /> · ~{whole(row.tokens_estimate)}
          {row.tokens_estimate_was == null ? "" : `, was ~${whole(row.tokens_estimate_was)}`}
        </span>
      </span>
    </li>
  );
}

function PromptCache({ diff }: { readonly diff: ContextDiff }): JSX.Element | null {
  const { trace } = usePage();
  const { prefix, cache, usage } = diff;
  if (prefix === undefined) {
    return null;
  }
  const sent = prefix.tokens_estimate + prefix.lost_tokens_estimate;
  const after = usage?.after.input_tokens_estimate ?? null;
  const equal = after === null || after === 0 ? null : prefix.tokens_estimate / after;
  const input = usage?.after.reported?.input_tokens ?? null;
  const cached = cache?.cached_input_tokens ?? null;
  const reported = input === null || cached === null || input === 0 ? null : cached / input;
  const broken = prefix.broken_at;
  const item = broken?.item_id == null ? null : thingOf(trace, broken.item_id);
  return (
    <Section title="Prompt cache">
      <Gauge share={equal} tone="equal" word="equal prefix" />
      <Gauge share={reported} tone="reported" word="reported cached" />
      {reported !== null && equal !== null && reported > equal + 0.02 && cache?.fits !== false ? (
        <p class="sub">More is reported as cached than both requests begin with: the provider counts or cuts prefixes in another way.</p>
      ) : null}
      <p>
        {prefix.whole ? "the request before is a beginning of this one" : (
          <>
            <span class="bad">breaks at {words(broken?.section ?? "items")} {(broken?.place ?? 0) + 1}</span>
            {item === null ? (broken?.name == null ? "" : ` (${oneLine(broken.name, 60)})`) : <> (<Link to={item}>[{item[1]}]</Link>)</>}
            {prefix.cause === null ? "" : `: ${causeWord(prefix.cause satisfies PrefixCause)}`}, ~{whole(prefix.lost_tokens_estimate)} of ~{whole(sent)} tokens lost
          </>
        )}
      </p>
      {cache === undefined ? null : (
        <p class="sub">
          {cache.cached_input_tokens === null || cache.previous_input_tokens === null ? "" : `${whole(cache.cached_input_tokens)} cached of ${whole(cache.previous_input_tokens)} sent before · `}
          {words(cache.verdict)}
          {cache.idle_ms === null ? "" : ` · ${duration(cache.idle_ms)} between`}
        </p>
      )}
    </Section>
  );
}

function Gauge({ share, tone, word }: { readonly share: number | null; readonly tone: string; readonly word: string }): JSX.Element | null {
  if (share === null) {
    return null;
  }
  return (
    <div class="gauge">
      <span class="track" aria-hidden="true"><span class={`fill ${tone}`} style={{ width: `${Math.min(100, share * 100)}%` }} /></span>
      <span class="gauge-word">{word} <b>{percent(share)}</b></span>
    </div>
  );
}

function UsageRows({ usage, request }: { readonly usage: Usage | null; readonly request: number }): JSX.Element {
  const { requests } = usePage().trace.spans;
  const reported = usage?.reported ?? null;
  const row = (name: string, value: ComponentChildren) => <><dt>{name}</dt><dd>{value}</dd></>;
  if (reported === null && requests.input[request] == null) {
    return <p class="sub">The provider reported no usage.</p>;
  }
  return (
    <>
      <dl class="facts">
        {row("in", <>{whole(reported?.input_tokens ?? requests.input[request] ?? 0)} <span class="lesser">({whole(reported?.cached_input_tokens ?? requests.cached[request] ?? 0)} cached)</span></>)}
        {row("out", <>{whole(reported?.output_tokens ?? requests.output[request] ?? 0)} <span class="lesser">({whole(reported?.reasoning_output_tokens ?? requests.reasoning[request] ?? 0)} reasoning)</span></>)}
        {usage?.input_tokens_estimate == null ? null : row("estimate", <>~{whole(usage.input_tokens_estimate)}{usage.residual_tokens == null ? "" : <span class="lesser"> residual {usage.residual_tokens > 0 ? "+" : "−"}{whole(Math.abs(usage.residual_tokens))}</span>}</>)}
      </dl>
      {usage?.fits === false ? <p class="warn">The usage is not that of this text: shares of it mean little.</p> : null}
    </>
  );
}

function Answer({ request }: { readonly request: number }): JSX.Element | null {
  const { trace } = usePage();
  const answer = trace.spans.requests.answer.list(request);
  const calls = useMemo(() => {
    const { calls } = trace.spans;
    return calls.request.flatMap((of, call) => (of === request ? [call] : []));
  }, [trace, request]);
  if (answer.length === 0) {
    return null;
  }
  const withoutItem = calls.filter((call) => trace.spans.calls.callItems.list(call).length === 0);
  return (
    <Section title="Answer">
      <ul class="lines">
        {answer.slice(0, 30).map((item) => <li key={item} class="no-icon"><span class="cut"><Link to={[ITEM, item]} most={130} /></span></li>)}
        {withoutItem.slice(0, 10).map((call) => <li key={`c${call}`} class="no-icon"><span class="cut"><Link to={[5, call]}>{oneLine(callWords(trace, call), 120)}</Link></span></li>)}
      </ul>
      {answer.length > 30 ? <p class="sub">and {counted(answer.length - 30, "more part")}</p> : null}
    </Section>
  );
}

