import type { JSX } from "preact";
import { agentName } from "../data/names";
import type { Trace } from "../data/trace";
import { writeAddress } from "../pure/address";
import { cutStart, oneLine } from "../pure/text";
import type { Group } from "./layout";
import { CLOSED, HEAD } from "./places";

/** The head of an agent, which stays in view while its lanes are, and what its lanes are. */
export function AgentLabels({ trace, group, toggle }: { readonly trace: Trace; readonly group: Group; readonly toggle: (agent: number) => void }): JSX.Element {
  const name = agentName(trace, group.agent);
  return (
    <div class="agent-labels" style={{ top: `${group.y}px`, height: `${group.height}px` }}>
      <div class={group.open ? "agent-label open" : "agent-label"} style={{ height: `${group.open ? HEAD : CLOSED}px` }}>
        <button type="button" class="agent-toggle" aria-expanded={group.open} aria-label={`${group.open ? "Close" : "Open"} ${oneLine(name, 80)}`} onClick={() => toggle(group.agent)}>
          {group.open ? "▾" : "▸"}
        </button>
        <a class="agent-name" href={writeAddress({ at: `agent:${name}` })} title={oneLine(name)}>{cutStart(oneLine(name), 21)}</a>
      </div>
      {group.open ? group.lanes.filter((lane) => lane.label !== "").map((lane) => (
        <div class="lane-label" key={`${lane.kind}${lane.top}`} style={{ top: `${lane.top}px`, height: `${lane.height}px` }}>{lane.label}</div>
      )) : null}
    </div>
  );
}
