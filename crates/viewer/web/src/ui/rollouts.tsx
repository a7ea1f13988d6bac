/** The rollouts under a trace root, the newest first. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ListedRollout, Rollouts } from "../api";
import { dateTime, duration, whole, words } from "../pure/format";
import { oneLine } from "../pure/text";
import { SeverityIcon } from "./bits";
import { VirtualList } from "./virtual";

export function RolloutList({ rollouts }: { readonly rollouts: Rollouts }): JSX.Element {
  const [filter, setFilter] = useState("");
  const all = rollouts.rollouts;
  const shown = useMemo(() => {
    const terms = filter.toLowerCase().split(/\s+/).filter((term) => term !== "");
    return terms.length === 0 ? all : all.filter((rollout) => {
      const text = searched(rollout);
      return terms.every((term) => text.includes(term));
    });
  }, [all, filter]);
  return (
    <main class="rollout-list">
      <header>
        <h1>Rollouts</h1>
        <p class="sub">{oneLine(rollouts.path, 200)}</p>
      </header>
      {all.length === 0 ? <p>No rollout was recorded here.</p> : (
        <>
          <div class="tab-filter">
            <input
              type="search" value={filter} placeholder="Filter by name, prompt, model, agent, folder or status" aria-label="Filter rollouts"
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
            <span class="sub">{filter === "" ? whole(all.length) : `${whole(shown.length)} of ${whole(all.length)}`} rollouts</span>
          </div>
          <div class="rollout-grid table-head">
            <span>rollout</span><span>started</span><span class="number">took</span><span>status</span><span>model</span><span class="number">agents</span><span class="number">turns</span>
          </div>
          {shown.length === 0 ? <p class="table-note">No rollout fits “{oneLine(filter, 60)}”.</p> : null}
          <VirtualList rows={shown} keyOf={({ name }) => name} estimate={() => 45} goal={null} label="Rollouts" render={(rollout) => <RolloutLine rollout={rollout} />} />
        </>
      )}
    </main>
  );
}

/** What the filter looks at. */
function searched({ name, rollout_id: id, about }: ListedRollout): string {
  const said = about === null ? [] : [about.status, about.agent, about.model, about.folder, about.prompt, about.is_damaged ? "damaged" : ""];
  return [name, id, ...said].join(" ").toLowerCase();
}

function RolloutLine({ rollout }: { readonly rollout: ListedRollout }): JSX.Element {
  const { name, about, is_archive: isArchive } = rollout;
  return (
    <div class="rollout-grid table-row">
      <a class="rollout-name cut" href={`/?rollout=${encodeURIComponent(name)}`}>{oneLine(name, 140)}</a>
      <span>{dateTime(rollout.started_at_unix_ms)}</span>
      {about === null ? <span class="bad cannot-open">cannot be opened</span> : (
        <>
          <span class="number">{about.duration_ms === null ? "" : duration(about.duration_ms)}</span>
          <Status status={about.status} damaged={about.is_damaged} />
          <span class="cut">{oneLine(about.model ?? "", 60)}</span>
          <span class="number">{whole(about.agents)}</span>
          <span class="number">{whole(about.turns)}</span>
        </>
      )}
      <span class="sub rollout-about cut">
        {[cut(about?.prompt, 200), cut(about?.agent, 80), cut(about?.folder, 80), isArchive ? "archive" : ""].filter((text) => text !== "").join(" · ")}
      </span>
    </div>
  );
}

function cut(text: string | null | undefined, most: number): string {
  return text == null ? "" : oneLine(text, most);
}

function Status({ status, damaged }: { readonly status: string; readonly damaged: boolean }): JSX.Element {
  const severity = status === "failed" ? "error" : damaged ? "warning" : null;
  return <span class="status">{severity === null ? null : <SeverityIcon of={severity} />} {words(status)}{damaged ? ", damaged" : ""}</span>;
}
