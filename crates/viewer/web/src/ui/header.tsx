import type { JSX } from "preact";
import { dateTime, duration, percent, short, whole, words } from "../pure/format";
import { oneLine } from "../pure/text";
import { InfoIcon } from "./bits";
import { LiveMark } from "./live";
import { usePage } from "./page";

/** Statuses that say that nothing went wrong. */
const GOOD = new Set(["completed", "succeeded"]);

export function Header(): JSX.Element {
  const { trace, go, rollouts } = usePage();
  const { about, review } = trace;
  const { stats, verdict } = about;
  const models = stats.models.join(", ");
  const said = [dateTime(about.started_at_unix_ms), about.agent, models === "" ? null : models].filter(Boolean);
  const cached = stats.input_tokens > 0 ? stats.cached_input_tokens / stats.input_tokens : null;
  const overview = (event: Event) => {
    event.preventDefault();
    go({ at: null });
  };
  return (
    <header class="header">
      <div class="who">
        <h1 title={oneLine(trace.name)}>{oneLine(trace.name, 120)}</h1>
        <p class="sub" title={oneLine(said.join(" · "))}>
          {rollouts.is_root ? <a href="/">all rollouts</a> : null}
          {rollouts.is_root ? " · " : ""}
          {oneLine(said.join(" · "), 120)}
        </p>
      </div>
      <div class="chips">
        <LiveMark />
        <StatusChip status={stats.status} ended={verdict.end_marker !== false} followed={about.is_followed} open={overview} />
        <a class={`chip ${verdictTone(verdict.verdict)}`} href="#" onClick={overview}>
          {verdict.verdict === "complete" ? "evidence: complete" : `evidence: ${verdictWord(verdict.verdict)} · ${whole(verdict.gaps.length)}`}
        </a>
        {(["error", "warning", "note"] as const).map((severity) => {
          const count = review?.findings.counts[severity] ?? 0;
          if (count === 0) {
            return null;
          }
          return (
            <a class={`chip ${severity === "note" ? "plain" : severity}`} href="#" onClick={overview} key={severity}>
              {severity === "note" ? <InfoIcon /> : severity === "error" ? "✕" : "▲"} {count} {severity}
              {count === 1 ? "" : "s"}
            </a>
          );
        })}
        {about.read_as_schema === null ? null : (
          <span class="chip warning">schema {stats.schema_version}, read as {about.read_as_schema}</span>
        )}
      </div>
      <dl class="figures">
        <Figure value={duration(stats.wall_ms)} word="wall" />
        <Figure value={short(stats.input_tokens)} word="tokens in" more={cached === null ? "" : `(${percent(cached)} cached)`} />
        <Figure value={short(stats.output_tokens)} word="out" />
        <Figure value={whole(stats.agents)} word={stats.agents === 1 ? "agent" : "agents"} lesser />
        <Figure value={whole(stats.turns)} word={stats.turns === 1 ? "turn" : "turns"} lesser />
        <Figure value={whole(stats.model_calls)} word={stats.model_calls === 1 ? "request" : "requests"} lesser />
        <Figure value={whole(stats.tool_calls)} word={stats.tool_calls === 1 ? "tool" : "tools"} lesser />
      </dl>
    </header>
  );
}

function StatusChip(props: {
  readonly status: string;
  readonly ended: boolean;
  readonly followed: boolean;
  readonly open: (event: Event) => void;
}): JSX.Element {
  const { status, followed, open } = props;
  // A trace that merely stops says "running"; nothing runs any more unless it is followed.
  const stops = status === "running" && !followed;
  const tone = GOOD.has(status) ? "good" : status === "running" ? "warning" : "error";
  const word = stops ? "no end recorded" : words(status);
  return (
    <a class={`chip ${tone}`} href="#" onClick={open}>
      {tone === "good" ? "✓" : tone === "warning" ? "◦" : "✕"} {oneLine(word, 40)}
    </a>
  );
}

function Figure(props: { readonly value: string; readonly word: string; readonly more?: string; readonly lesser?: boolean }): JSX.Element {
  return (
    <div class={props.lesser ? "figure minor" : "figure"}>
      <dd>
        {props.value}
        {props.more ? <small> {props.more}</small> : null}
      </dd>
      <dt>{props.word}</dt>
    </div>
  );
}

/** The words of the verdict for people. */
export function verdictWord(word: string): string {
  return { sealed: "sealed parts", gapped: "gaps", cut: "cut off" }[word] ?? word;
}

function verdictTone(word: string): string {
  return { complete: "good", sealed: "plain", gapped: "warning", cut: "warning" }[word] ?? "error";
}
