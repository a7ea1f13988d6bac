/** The tree of agents with what each was told and gave back. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { itemWords } from "../data/names";
import { AGENT, ITEM } from "../data/trace";
import { duration, short, whole, words } from "../pure/format";
import { cutStart, oneLine } from "../pure/text";
import { agentOrder } from "../timeline/layout";
import { Letter, Link, classOf } from "../ui/bits";
import { sameThing, usePage } from "../ui/page";
import { VirtualList } from "../ui/virtual";
import { NoEnd } from "./conversation";

export function Agents(): JSX.Element {
  const page = usePage();
  const { trace } = page;
  const rows = useMemo(() => agentOrder(trace), [trace, trace.about]);
  return (
    <div class="table-tab">
      <div class="agent-grid table-head">
        <span>agent</span><span>status</span><span class="number">time</span><span class="number">requests</span>
        <span class="number">tokens in</span><span>told, and gave back</span>
      </div>
      {rows.length <= 1 ? <p class="table-note">No child agents.</p> : null}
      <VirtualList
        rows={rows}
        keyOf={({ agent }) => `a${agent}`}
        estimate={() => 44}
        goal={null}
        label="Agents"
        render={({ agent, depth }) => {
          const about = trace.about.agents[agent]!;
          const parent = about.parent === null ? null : trace.about.agents[about.parent];
          const name = parent != null && about.name.startsWith(`${parent.name}/`) ? about.name.slice(parent.name.length + 1) : about.name;
          const selected = sameThing(page.selected, [AGENT, agent]);
          return (
            <div class={selected ? "agent-grid table-row is-selected" : "agent-grid table-row"}>
              <span class="cut" style={{ paddingLeft: `${Math.min(depth, 8) * 14}px` }}>
                {depth > 0 ? <span class="branch" aria-hidden="true">└ </span> : null}
                <Link to={[AGENT, agent]} class="quiet"><b>{cutStart(oneLine(name), 40)}</b></Link>
                {about.nickname === null ? null : <span class="lesser" title="the name that the harness gave it"> “{oneLine(about.nickname, 24)}”</span>}
              </span>
              <span class={about.status === "failed" ? "bad" : ""}>{about.status === "running" ? <NoEnd /> : words(about.status)}</span>
              <span class="number">{duration(about.wall_ms)}</span>
              <span class="number">{whole(about.requests)}</span>
              <span class="number">{short(about.input_tokens)}</span>
              <span class="told">
                {[...about.told.slice(0, 2), ...about.gave_back.slice(-2)].map((item) => (
                  <span class="cut told-line" key={item}>
                    <Letter of={classOf(trace, [ITEM, item])} /> <Link to={[ITEM, item]}>{oneLine(itemWords(trace, item), 140) || `[${item}]`}</Link>
                  </span>
                ))}
                {about.told.length + about.gave_back.length > 4 ? <span class="lesser">and {whole(about.told.length + about.gave_back.length - 4)} more</span> : null}
              </span>
            </div>
          );
        }}
      />
    </div>
  );
}
