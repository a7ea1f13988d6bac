/** Two rollouts from their first divergence on, with its cause named. */
import type { ComponentChildren, JSX } from "preact";
import type { At, Condition, Diff, Divergence, ThreadDiff } from "../api";
import { useAnswer } from "../panels/answer";
import { counted, dateTime, duration, short, whole, words } from "../pure/format";
import { oneLine } from "../pure/text";
import { Link, Plain } from "../ui/bits";
import { usePage } from "../ui/page";

export function Compare(): JSX.Element {
  const page = usePage();
  const { rollouts, source, address, go, trace } = page;
  const other = address.more["with"] ?? "";
  const ignore = address.more["ignore"] === "input";
  const { answer, problem } = useAnswer(
    () => (other === "" ? Promise.resolve(null) : source.answer("diff", { with: other, ...(ignore ? { ignore: "input" } : {}) })),
    `${other} ${ignore}`,
  );
  const mine = new URLSearchParams(location.search).get("rollout") ?? trace.name;
  const others = rollouts.rollouts.filter(({ name }) => name !== mine);
  if (others.length === 0) {
    return (
      <div class="scroll empty-tab" tabIndex={0}>
        <p>There is no other rollout to compare with.</p>
        <p><code>rollout-trace view ROOT</code> opens all rollouts of a trace root; <code>rollout-trace diff A B</code> compares any two.</p>
      </div>
    );
  }
  return (
    <div class="table-tab">
      <div class="tab-filter">
        <select aria-label="Rollout to compare with" value={other} onChange={(event) => go({ more: { ...address.more, with: event.currentTarget.value } })}>
          <option value="">compare with …</option>
          {others.map(({ name, started_at_unix_ms: at }) => <option key={name} value={name}>{oneLine(name, 70)} · {dateTime(at)}</option>)}
        </select>
        <label class="check"><input type="checkbox" checked={ignore} onChange={() => go({ more: { ...address.more, ignore: ignore ? "" : "input" } }, true)} /> ignore what persons wrote</label>
      </div>
      <div class="scroll compare" tabIndex={0} role="region" aria-label="Comparison">
        {problem !== null ? <p class="bad">{oneLine(problem, 300)}</p> : other === "" ? <p class="sub">Choose a rollout.</p> : answer === null ? <p class="sub">Comparing …</p> : <Differences diff={answer} other={other} />}
      </div>
    </div>
  );
}

function Differences({ diff, other }: { readonly diff: Diff; readonly other: string }): JSX.Element {
  const { a, b } = diff.totals;
  const row = (name: string, one: ComponentChildren, two: ComponentChildren) => <tr><th scope="row">{name}</th><td>{one}</td><td>{two}</td></tr>;
  const threads = [...diff.threads].sort((x, y) => Number(y.agent_path === diff.first) - Number(x.agent_path === diff.first));
  return (
    <>
      {diff.same ? <p><b>Nothing differs.</b></p> : null}
      {threads.map((thread) => <Thread thread={thread} other={other} first={thread.agent_path === diff.first} key={thread.agent_path} />)}
      {diff.only_in.a.length === 0 ? null : <p class="warn">Only here: {oneLine(diff.only_in.a.join(", "), 300)}</p>}
      {diff.only_in.b.length === 0 ? null : <p class="warn">Only in the other: {oneLine(diff.only_in.b.join(", "), 300)}</p>}
      <table class="totals">
        <caption>In numbers</caption>
        <thead><tr><td /><th scope="col">this rollout</th><th scope="col">{oneLine(other, 50)}</th></tr></thead>
        <tbody>
          {row("wall time", duration(a.wall_ms), duration(b.wall_ms))}
          {row("agents, turns", `${whole(a.agents)}, ${whole(a.turns)}`, `${whole(b.agents)}, ${whole(b.turns)}`)}
          {row("requests (failed)", `${whole(a.model_calls)} (${whole(a.model_calls_failed)})`, `${whole(b.model_calls)} (${whole(b.model_calls_failed)})`)}
          {row("tools (failed)", `${whole(a.tool_calls)} (${whole(a.tool_calls_failed)})`, `${whole(b.tool_calls)} (${whole(b.tool_calls_failed)})`)}
          {row("tokens in (cached)", `${short(a.input_tokens)} (${short(a.cached_input_tokens)})`, `${short(b.input_tokens)} (${short(b.cached_input_tokens)})`)}
          {row("tokens out", short(a.output_tokens), short(b.output_tokens))}
          {row("compactions", whole(a.compactions), whole(b.compactions))}
          {row("files changed", oneLine(a.files_changed.join(", ") || "none", 120), oneLine(b.files_changed.join(", ") || "none", 120))}
          {row("evidence", diff.completeness.a, diff.completeness.b)}
        </tbody>
      </table>
    </>
  );
}

function Thread({ thread, other, first }: { readonly thread: ThreadDiff; readonly other: string; readonly first: boolean }): JSX.Element {
  const soft = Object.entries(thread.soft_differences);
  return (
    <section class="compare-thread">
      <h3>
        {oneLine(thread.agent_path, 80)}{thread.agent_path === thread.agent_path_b ? "" : ` and ${oneLine(thread.agent_path_b, 80)}`}
        <span class="sub"> {counted(thread.equal_calls, "equal request")} of {thread.calls.map(whole).join(" and ")}{first ? " · diverges first" : ""}</span>
      </h3>
      {thread.conditions.map((condition, at) => <ConditionRow condition={condition} other={other} key={at} />)}
      {thread.divergence === null ? <p class="good-word">No divergence.</p> : <DivergenceRow divergence={thread.divergence} other={other} />}
      {soft.length === 0 ? null : <p class="sub">Without consequence: {soft.map(([name, pairs]) => `${words(name)} (${pairs})`).join(", ")}</p>}
    </section>
  );
}

function Where({ at, other }: { readonly at: { readonly a: At | null; readonly b: At | null }; readonly other: string }): JSX.Element {
  return (
    <div class="sides">
      <span>{at.a === null ? "no request" : <Link to={[1, at.a.call - 1]}>request {at.a.call}</Link>}</span>
      <span>{at.b === null ? "no request" : <a class="link" href={`/?rollout=${encodeURIComponent(other)}#at=request:${at.b.call}`}>request {at.b.call}</a>}</span>
    </div>
  );
}

function Lines({ difference }: { readonly difference: { readonly a: string | null; readonly b: string | null; readonly line: number } | null | undefined }): JSX.Element | null {
  if (difference == null) {
    return null;
  }
  const side = (text: string | null) => (text === null ? <p class="sub">no line {difference.line}</p> : <pre class="side-text"><Plain text={text.slice(0, 4000)} /></pre>);
  return (
    <>
      <p class="sub">the first line that differs is line {difference.line}</p>
      <div class="sides"><div>{side(difference.a)}</div><div>{side(difference.b)}</div></div>
    </>
  );
}

function DivergenceRow({ divergence, other }: { readonly divergence: Divergence; readonly other: string }): JSX.Element {
  return (
    <div class="divergence">
      <p>
        <b class="bad">{words(divergence.cause)}</b>
        {divergence.tool == null ? "" : ` of ${oneLine(divergence.tool, 60)}`}
        {divergence.same_request == null ? "" : divergence.same_request ? " · both models were given the same" : " · the models were given different things"}
        {divergence.shorter == null ? "" : ` · ${divergence.shorter === "a" ? "this rollout" : "the other"} has fewer requests`}
      </p>
      <Where at={divergence.at} other={other} />
      <div class="sides"><Side of={divergence.a} /><Side of={divergence.b} /></div>
      <Lines difference={divergence.first_difference} />
    </div>
  );
}

function Side({ of }: { readonly of: Divergence["a"] }): JSX.Element {
  if (of == null) {
    return <span />;
  }
  const facts = Object.entries(of).filter(([, value]) => value !== null).map(([name, value]) => `${words(name)}: ${String(value)}`);
  return <span class="sub">{oneLine(facts.join(" · "), 300)}</span>;
}

function ConditionRow({ condition, other }: { readonly condition: Condition; readonly other: string }): JSX.Element {
  const side = (value: unknown) => <pre class="side-text"><Plain text={(typeof value === "string" ? value : JSON.stringify(value, null, 1) ?? "").slice(0, 4000)} /></pre>;
  return (
    <div class="condition">
      <p><b class="warn">{words(condition.cause)}</b> <span class="sub">a different condition; the comparison continues after it</span></p>
      <Where at={condition.at} other={other} />
      <div class="sides"><div>{side(condition.a)}</div><div>{side(condition.b)}</div></div>
      <Lines difference={condition.first_difference} />
    </div>
  );
}
