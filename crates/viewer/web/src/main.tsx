import "./style/palette.css";
import "./style/page.css";
import { render } from "preact";
import type { JSX } from "preact";
import type { Rollouts } from "./api";
import { file, isFile } from "./data/file";
import { served } from "./data/served";
import { Session } from "./data/session";
import { SourceError, type Source } from "./data/source";
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

function draw(session: Session, rollouts: Rollouts): void {
  const { trace, version, live, changed } = session;
  if (trace !== null) {
    render(<App source={source} trace={trace} rollouts={rollouts} version={version} live={live} changed={changed} />, root);
  }
}

async function open(rollouts: Rollouts, rollout: string | null): Promise<void> {
  if (rollouts.at !== null && location.hash === "") {
    history.replaceState(null, "", `#at=${encodeURIComponent(rollouts.at).replaceAll("%3A", ":").replaceAll("%2F", "/")}`);
  }
  const session = new Session(source, (drawn) => draw(drawn, rollouts));
  if (rollouts.follow) {
    await session.follow(rollout);
  }
  const { name, refused, rollout: shown } = await session.load();
  if (refused !== null || shown === null) {
    refuse(`${name}: ${refused?.what ?? "this rollout cannot be shown"}`, refused?.hint ?? "");
  }
}

async function begin(): Promise<void> {
  const rollouts = await source.rollouts();
  const asked = new URLSearchParams(location.search).get("rollout");
  if (rollouts.is_root && asked === null) {
    render(<RolloutList rollouts={rollouts} />, root);
    return;
  }
  await open(rollouts, asked);
}

begin().catch((error: unknown) => {
  const hint = error instanceof SourceError ? error.hint : "Reload the page; if that does not help, please report it with this text.";
  refuse(error instanceof Error ? error.message : String(error), hint);
});
