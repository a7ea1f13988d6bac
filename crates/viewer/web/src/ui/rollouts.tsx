import type { JSX } from "preact";
import type { Rollouts } from "../api";
import { dateTime } from "../pure/format";
import { oneLine } from "../pure/text";

/** The rollouts under a trace root, the newest first. */
export function RolloutList({ rollouts }: { readonly rollouts: Rollouts }): JSX.Element {
  return (
    <main class="rollout-list">
      <header>
        <h1>Rollouts</h1>
        <p class="sub">{oneLine(rollouts.path, 200)} · {rollouts.rollouts.length}</p>
      </header>
      {rollouts.rollouts.length === 0 ? <p>No rollout was recorded here.</p> : (
        <ul>
          {rollouts.rollouts.map((rollout) => (
            <li key={rollout.name}>
              <a href={`/?rollout=${encodeURIComponent(rollout.name)}`}>{oneLine(rollout.name, 140)}</a>
              <span class="sub">{rollout.is_archive ? "archive" : ""}</span>
              <span class="number">{dateTime(rollout.started_at_unix_ms)}</span>
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}
