/** Bundles that the tests open: one that an agent records, and copies of the sample with something done to them. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AGENT, REPOSITORY } from "./harness";

export const SAMPLE = join(REPOSITORY, "docs/sample-bundle");

/** A folder that `removeAll` removes. */
const made: string[] = [];

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "rollout-trace-page-"));
  made.push(path);
  return path;
}

export function removeAll(): void {
  for (const path of made.splice(0)) {
    rmSync(path, { recursive: true, force: true });
  }
}

/** The rollout of the agent's demo: a child agent, a compaction, a script, processes and a patch. */
export function demo(): string {
  const out = folder();
  execFileSync(AGENT, ["demo", "--quiet", "--out", out], { stdio: "pipe" });
  const traces = join(out, "traces");
  return join(traces, readdirSync(traces)[0]!);
}

interface Event {
  seq: number;
  payload: Record<string, unknown> & { type: string };
  [key: string]: unknown;
}

export class Copy {
  readonly path: string;

  constructor(name = "sample") {
    this.path = join(folder(), name);
    cpSync(SAMPLE, this.path, { recursive: true });
  }

  /** Changes the events of the log, which are numbered anew. */
  events(change: (events: Event[]) => Event[]): this {
    const path = join(this.path, "trace.jsonl");
    const events = readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Event);
    const lines = change(events).map((event, at) => JSON.stringify({ ...event, seq: at + 1 }));
    writeFileSync(path, `${lines.join("\n")}\n`);
    return this;
  }

  log(change: (text: string) => string): this {
    const path = join(this.path, "trace.jsonl");
    writeFileSync(path, change(readFileSync(path, "utf8")));
    return this;
  }

  payload(number: number, change: (document: any) => unknown): this {
    const path = join(this.path, "payloads", `${number}.json`);
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
    return this;
  }

  withoutPayload(number: number): this {
    rmSync(join(this.path, "payloads", `${number}.json`));
    return this;
  }

  manifest(change: (manifest: Record<string, unknown>) => unknown): this {
    const path = join(this.path, "manifest.json");
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>)));
    return this;
  }
}

/** The command wrote more than the model was shown, with colors and with what would act. */
export function withMore(): string {
  const more = Array.from({ length: 400 }, (_, at) => `line ${at} that nobody saw`).join("\n");
  return new Copy("more")
    .payload(6, (document) => ({ ...document, aggregated_output: `\u001b[31mred\u001b[0m\n${more}\n${document.aggregated_output}` })).path;
}

/** Three losses: the second half of the log, the middle of one event, and a payload. */
export function damaged(): string {
  return new Copy("damaged")
    .withoutPayload(9)
    .log((text) => {
      const lines = text.trimEnd().split("\n");
      lines[21] = lines[21]!.slice(0, 40);
      return `${lines.slice(0, 34).join("\n")}\n${lines[34]!.slice(0, 70)}`;
    }).path;
}

export function newer(): string {
  return new Copy("newer").manifest((manifest) => ({ ...manifest, schema_version: 99 })).log((text) => text.replaceAll('"schema_version":2', '"schema_version":99')).path;
}

/** `count` tools in one answer, all at once. */
export function wide(count: number): string {
  return new Copy("wide")
    .payload(3, (document) => ({
      ...document,
      output_items: [
        ...document.output_items,
        ...Array.from({ length: count }, (_, at) => ({ type: "function_call", id: `fc_w${at}`, name: "look", arguments: `{"at":${at}}`, call_id: `wide_${at}` })),
      ],
    }))
    .events((events) => {
      const at = events.findIndex(({ payload }) => payload.type === "tool_call_started");
      const started = events[at]!;
      const ended = events.find(({ payload }) => payload.type === "tool_call_ended")!;
      const of = (event: Event, call: string, more: object) => ({
        ...event, payload: { ...event.payload, tool_call_id: call, ...more },
      });
      const calls = Array.from({ length: count }, (_, number) => `wide_${number}`);
      return [
        ...events.slice(0, at + 1),
        ...calls.map((call) => of(started, call, { model_visible_call_id: call, kind: { type: "other", name: "look" }, invocation_payload: null })),
        ...calls.map((call, number) => ({ ...of(ended, call, { result_payload: null }), wall_time_unix_ms: (ended["wall_time_unix_ms"] as number) + number })),
        ...events.slice(at + 1),
      ];
    }).path;
}

/** An output of so many megabytes. */
export function longText(megabytes: number): string {
  const text = `${"a long text without an end. ".repeat(4)}\n`.repeat(Math.ceil((megabytes * 1e6) / 113));
  return new Copy("long").payload(6, (document) => ({ ...document, aggregated_output: text })).payload(7, (document) => ({
    ...document, response_item: { ...document.response_item, output: text },
  })).payload(8, (document) => ({
    ...document,
    input: document.input.map((item: { type: string; call_id?: string }) => (item.type === "function_call_output" ? { ...item, output: text } : item)),
  })).path;
}

/** A root with the sample and a copy in which the child answers something else. */
export function root(): string {
  const change = (document: unknown) => JSON.parse(JSON.stringify(document).replaceAll(".trunc()", ".floor()"));
  const other = new Copy("b").payload(20, change).payload(21, change);
  const path = dirname(other.path);
  cpSync(SAMPLE, join(path, "a"), { recursive: true });
  return path;
}
