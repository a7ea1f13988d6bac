/** The panel while nothing is selected: what a reviewer wants to know first. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LeftOut, Thing } from "../api";
import { duration, percentExact, whole, words } from "../pure/format";
import type { PartClass } from "../pure/palette";
import { oneLine } from "../pure/text";
import { Certainty, Letter, Link, Section, Seq, SeverityIcon } from "../ui/bits";
import { verdictWord } from "../ui/header";
import { usePage } from "../ui/page";
import { CopyCommand } from "./parts";
import { RentRows } from "./rent";

/** How classes of time are said, and in which color. */
const TIME: Readonly<Record<string, readonly [string, PartClass | "to-run" | "unrecorded" | "idle"]>> = {
  model: ["the model", "model"],
  compaction: ["compaction", "compaction"],
  tool: ["tools", "tool"],
  script: ["scripts", "script"],
  agents: ["waiting for agents", "agent"],
  to_run: ["before commands ran", "to-run"],
  unrecorded: ["nothing recorded", "unrecorded"],
  idle: ["idle", "idle"],
};

export function timeClass(name: string): { word: string; look: string } {
  const [word, look] = TIME[name] ?? [words(name), "unrecorded"];
  return { word, look };
}

/** How many rows a list shows before it is opened. */
const FEW = 12;

export function OverviewPanel(): JSX.Element {
  return (
    <div class="panel-body">
      <div class="panel-head">
        <h2>Overview</h2>
        <p class="sub">Select anything to see where it came from.</p>
      </div>
      <Asked />
      <Findings />
      <Gaps />
      <TimeWent />
      <LargestSteps />
      <Rent />
      <Missing />
      <div class="panel-foot"><CopyCommand question="findings" parameters="" /></div>
    </div>
  );
}

function Asked(): JSX.Element | null {
  const { about } = usePage().trace;
  if (about.asked === null && about.answered === null) {
    return null;
  }
  return (
    <Section title="Asked and answered">
      {about.asked === null ? null : (
        <p class="said-line">
          <Letter of="person" /> <Link to={[0, about.asked.item]}>{oneLine(about.asked.text, 160)}</Link>
        </p>
      )}
      {about.answered === null ? null : (
        <p class="said-line">
          <Letter of="model" /> <Link to={[0, about.answered.item]}>{oneLine(about.answered.text, 160)}</Link>
        </p>
      )}
    </Section>
  );
}

function Findings(): JSX.Element | null {
  const { review } = usePage().trace;
  const [all, setAll] = useState(false);
  if (review === null || review.findings.findings.length === 0) {
    return null;
  }
  const { findings } = review.findings;
  const shown = all ? findings : findings.slice(0, FEW);
  return (
    <Section title="Findings">
      <ul class="lines">
        {shown.map((finding, at) => {
          const thing = review.finding_places[at]?.things[0];
          const head = <b>{words(finding.code)}</b>;
          return (
            <li key={at}>
              <SeverityIcon of={finding.severity} />
              <span>
                {thing === undefined ? head : <Link to={thing}>{head}</Link>} {oneLine(finding.note, 300)}
                <Certainty is={finding.certainty} />
              </span>
              <Seq seq={finding.seq} />
            </li>
          );
        })}
      </ul>
      {all || findings.length <= FEW ? null : (
        <button type="button" class="more" onClick={() => setAll(true)}>
          {whole(findings.length - FEW)} more findings
        </button>
      )}
    </Section>
  );
}

function Gaps(): JSX.Element | null {
  const { about } = usePage().trace;
  const { gaps, verdict } = about.verdict;
  if (gaps.length === 0) {
    return null;
  }
  return (
    <Section title={`Evidence: ${verdictWord(verdict)}`}>
      <ul class="lines">
        {gaps.map((gap, at) => {
          const thing: Thing | undefined = about.gap_things[at]?.[0];
          const head = <b>{words(gap.code)}</b>;
          return (
            <li key={at} class="gap">
              <span>
                {thing === undefined ? head : <Link to={thing}>{head}</Link>} {oneLine(gap.note, 300)}
              </span>
              <span class="count">{whole(gap.count)}</span>
              <Seq seq={gap.seq} />
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function TimeWent(): JSX.Element | null {
  const { about } = usePage().trace;
  const { ms, wall_ms: wall } = about.time;
  const rows = Object.keys(TIME).map((name) => [name, ms[name] ?? 0] as const).filter(([, spent]) => spent > 0);
  if (wall === 0 || rows.length === 0) {
    return null;
  }
  return (
    <Section title={`Where the ${duration(wall)} went`}>
      <div class="stack" aria-hidden="true">
        {rows.map(([name, spent]) => <span class={`time-${timeClass(name).look}`} key={name} style={{ flexGrow: spent }} />)}
      </div>
      <ul class="table-rows">
        {rows.map(([name, spent]) => (
          <li key={name}>
            <span class={`swatch time-${timeClass(name).look}`} aria-hidden="true" />
            <span>{timeClass(name).word}</span>
            <span class="number">{duration(spent)}</span>
            <span class="number">{percentExact(spent / wall)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function LargestSteps(): JSX.Element | null {
  const { trace } = usePage();
  const { path } = trace.spans;
  const wall = trace.about.time.wall_ms;
  const largest = path.ms
    .map((ms, at) => ({ ms, at }))
    .filter(({ ms, at }) => ms > 0 && path.thing.get(at) !== null)
    .sort((a, b) => b.ms - a.ms || a.at - b.at)
    .slice(0, 6);
  if (largest.length === 0) {
    return null;
  }
  return (
    <Section title="Largest steps of the critical path">
      <ul class="table-rows">
        {largest.map(({ ms, at }) => (
          <li key={at}>
            <span class={`swatch time-${timeClass(path.class[at]!).look}`} aria-hidden="true" />
            <span class="cut"><Link to={path.thing.get(at)!} most={70} /></span>
            <span class="number">{duration(ms)}</span>
            <span class="number">{wall === 0 ? "" : percentExact(ms / wall)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Rent(): JSX.Element | null {
  const { review } = usePage().trace;
  return review === null || review.blame.rows.length === 0 ? null : (
    <Section title="Who filled the context: ~tokens × the requests that carried them"><RentRows class="rent" most={7} /></Section>
  );
}

function Missing(): JSX.Element | null {
  const { source } = usePage();
  const [rows, setRows] = useState<readonly LeftOut[]>([]);
  useEffect(() => {
    source.leftOut().then(setRows, () => {});
  }, [source]);
  if (rows.length === 0) {
    return null;
  }
  return (
    <Section title="Not in this file">
      <ul class="lines">
        {rows.map(({ what, command }) => (
          <li key={what} class="no-icon"><span>{oneLine(what, 300)}: <code>{oneLine(command, 300)}</code></span></li>
        ))}
      </ul>
    </Section>
  );
}
