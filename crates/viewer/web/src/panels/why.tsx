/** The path of evidence from a thing back to what began it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Thing } from "../api";
import { causePath } from "../data/path";
import { agentName, wordsOf } from "../data/names";
import { AGENT, CALL, COMPACTION, EDGE, ITEM, REQUEST, ROOT, TURN } from "../data/trace";
import { words } from "../pure/format";
import { oneLine } from "../pure/text";
import { Certainty, Link, Section, Seq, classOf } from "../ui/bits";
import { usePage } from "../ui/page";

const FEW = 24;

const RELATIONS: Readonly<Record<string, string>> = {
  output_of: "output of",
  called_in: "called in",
  answered_in: "answered in",
  asked_in: "asked in",
  began_with: "began with",
  begun_by: "begun by",
  delivered_by: "delivered by",
  sent_by: "sent by",
  reported_by: "reported by",
  written_by: "written by",
  copied_from: "copied from",
  carried_from: "carried since",
  operation_of: "operation of",
  run_by: "run by",
  spawned_by: "spawned by",
  answers: "answers",
  source: "source",
};

export function WhyPanel({ of, title }: { readonly of: Thing; readonly title: string }): JSX.Element | null {
  const page = usePage();
  const { trace } = page;
  const [all, setAll] = useState(false);
  if (trace.causes === null) {
    return <Section title={title}><p class="sub">Reading the causes …</p></Section>;
  }
  const path = causePath(trace.causes, of);
  if (path.length === 0) {
    return null;
  }
  const shown = all ? path : path.slice(0, FEW);
  return (
    <Section title={title}>
      <ol class="why">
        {shown.map((hop, at) => (
          <li key={at} class={`step ${hop.certainty}`}>
            <span class={`dot ring-${hop.to[0] === ROOT ? "instructions" : classOf(trace, hop.to)}`} aria-hidden="true" />
            <span class="step-text">
              {hop.to[0] === ROOT ? <Root hop={trace.causes!.roots[hop.to[1]] ?? "unknown"} name={hop.name} /> : (
                <>
                  {RELATIONS[hop.relation] ?? words(hop.relation)} <Link to={hop.to} most={110} />
                </>
              )}
              <Certainty is={hop.certainty} note={hop.note} />
              {hop.to[0] === EDGE ? <Sent edge={hop.to[1]} /> : null}
              {hop.relation === "answered_in" && hop.to[0] === REQUEST ? <JustSeen request={hop.to[1]} /> : null}
            </span>
            <Seq seq={hop.seq} />
          </li>
        ))}
      </ol>
      {all || path.length <= FEW ? null : (
        <button type="button" class="more" onClick={() => setAll(true)}>{path.length - FEW} more steps</button>
      )}
    </Section>
  );
}

function Root({ hop, name }: { readonly hop: string; readonly name: string | null }): JSX.Element {
  const said = hop === "person" ? "a person" : hop === "rollout" ? "the start of the rollout" : hop === "unknown" ? "unknown" : `the ${hop}`;
  return <>{said}{name === null ? "" : ` (${oneLine(name, 60)})`}</>;
}

/** What an interaction carried, quoted. */
function Sent({ edge }: { readonly edge: number }): JSX.Element | null {
  const { trace } = usePage();
  const item = trace.spans.edges.items.list(edge)[0];
  if (item === undefined) {
    return null;
  }
  return <span class="quote"><Link to={[ITEM, item]} most={110} /></span>;
}

/** What was new to the model when it answered. That it answered so because of that is not claimed. */
function JustSeen({ request }: { readonly request: number }): JSX.Element | null {
  const { trace } = usePage();
  const seen = trace.spans.requests.justSeen.list(request);
  if (seen.length === 0) {
    return null;
  }
  return (
    <span class="quote">
      having just seen
      {seen.slice(0, 3).map((item) => <span class="quoted" key={item}><Link to={[ITEM, item]} most={90} /></span>)}
      {seen.length > 3 ? <span class="quoted">and {seen.length - 3} more</span> : null}
    </span>
  );
}

/** What a thing is, for the title of its panel. */
export function subjectWords(page: ReturnType<typeof usePage>, thing: Thing): string {
  const { trace } = page;
  switch (thing[0]) {
    case AGENT:
      return agentName(trace, thing[1]);
    case TURN:
    case CALL:
    case COMPACTION:
    default:
      return wordsOf(trace, thing, 140);
  }
}
