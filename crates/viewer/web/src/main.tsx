import "./style/palette.css";
import "./style/page.css";
import { render } from "preact";
import type { JSX } from "preact";
import type { Overview, Rollouts } from "./api";
import { file, isFile } from "./data/file";
import { served } from "./data/served";
import { SourceError, type Source } from "./data/source";
import { Trace } from "./data/trace";
import { oneLine } from "./pure/text";
import { App } from "./ui/app";
import { RolloutList } from "./ui/rollouts";

const root = document.getElementById("app")!;
const source: Source = isFile() ? file : served;

function Message(props: { readonly title: string; readonly hint: string }): JSX.Element {
  return (
    <main class="message">
      <h1>{oneLine(props.title, 400)}</h1>
      <p>{oneLine(props.hint, 400)}</p>
    </main>
  );
}

function refuse(title: string, hint: string): void {
  render(<Message title={title} hint={hint} />, root);
}

/** Header and timeline first; the rest follows in the order in which it is looked at. */
async function open(rollouts: Rollouts): Promise<void> {
  const [overview, spans] = await Promise.all([source.overview(), source.spans().catch((error: unknown) => error)]);
  const { refused, rollout } = overview as Overview;
  if (refused !== null || rollout === null) {
    refuse(`${overview.name}: ${refused?.what ?? "this rollout cannot be shown"}`, refused?.hint ?? "");
    return;
  }
  if (spans instanceof Error) {
    throw spans;
  }
  const trace = new Trace(overview, rollout, spans as Awaited<ReturnType<Source["spans"]>>);
  let version = 0;
  const draw = () => {
    version += 1;
    render(<App source={source} trace={trace} rollouts={rollouts} version={version} />, root);
  };
  if (rollouts.at !== null && location.hash === "") {
    history.replaceState(null, "", `#at=${encodeURIComponent(rollouts.at).replaceAll("%3A", ":").replaceAll("%2F", "/")}`);
  }
  draw();
  const [items, labels] = await Promise.all([source.items(), source.labels()]);
  trace.setItems(items);
  trace.setLabels(labels);
  draw();
  const [changes, causes] = await Promise.all([source.changes(), source.causes()]);
  trace.setChanges(changes);
  trace.setCauses(causes);
  draw();
}

async function begin(): Promise<void> {
  const rollouts = await source.rollouts();
  const asked = new URLSearchParams(location.search).get("rollout");
  if (rollouts.is_root && asked === null) {
    render(<RolloutList rollouts={rollouts} />, root);
    return;
  }
  await open(rollouts);
}

begin().catch((error: unknown) => {
  const hint = error instanceof SourceError ? error.hint : "Reload the page; if that does not help, please report it with this text.";
  refuse(error instanceof Error ? error.message : String(error), hint);
});
