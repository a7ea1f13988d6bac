/** Following a recording: what a page holds after the pushes is what it would hold if it were opened then. */
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Grown, Items, Labels, Lists, Overview, Spans, Words } from "../../src/api";
import { ListColumn, strings } from "../../src/data/columns";
import { type Columns, grow } from "../../src/data/grow";
import { REPOSITORY, type Served, launch, serve, visit } from "./harness";

const SAMPLE = join(REPOSITORY, "docs/sample-bundle");
const LINES = readFileSync(join(SAMPLE, "trace.jsonl"), "utf8").trimEnd().split("\n");

/** A bundle that is being written. */
class Recording {
  readonly folder = mkdtempSync(join(tmpdir(), "rollout-trace-live-"));
  #written = 0;

  constructor(events: number) {
    cpSync(SAMPLE, this.folder, { recursive: true });
    writeFileSync(join(this.folder, "trace.jsonl"), "");
    this.write(events);
  }

  write(events: number): void {
    const lines = LINES.slice(this.#written, this.#written + events);
    this.#written += lines.length;
    appendFileSync(join(this.folder, "trace.jsonl"), lines.map((line) => `${line}\n`).join(""));
  }

  get left(): number {
    return LINES.length - this.#written;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Calls the program as a page does. */
class Caller {
  readonly #origin: string;
  readonly #cookie: string;

  private constructor(origin: string, cookie: string) {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  static async of({ link }: Served): Promise<Caller> {
    const exchanged = await fetch(link, { redirect: "manual" });
    return new Caller(new URL(link).origin, exchanged.headers.get("set-cookie")!.split(";")[0]!);
  }

  ask(call: string): Promise<Response> {
    return fetch(`${this.#origin}/api/${call}`, { headers: { Cookie: this.#cookie, "Sec-Fetch-Site": "same-origin" } });
  }

  async json<T>(call: string): Promise<T> {
    return (await (await this.ask(call)).json()) as T;
  }

  async columns(): Promise<Columns> {
    const overview = await this.json<Overview>("overview");
    return {
      about: overview.rollout!,
      spans: await this.json<Spans>("spans"),
      items: await this.json<Items>("items"),
      labels: await this.json<Labels>("labels"),
    };
  }

  /** The events of the stream, one by one. */
  async *pushes(): AsyncGenerator<{ name: string; data: string }> {
    const response = await this.ask("follow");
    let text = "";
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = new Map(text.slice(0, end).split("\n").map((line) => [line.split(":")[0]!, line.slice(line.indexOf(":") + 1).trim()]));
        text = text.slice(end + 2);
        if (fields.has("event") || fields.has("retry")) {
          yield { name: fields.get("event") ?? "begin", data: fields.get("data") ?? "" };
        }
      }
    }
  }
}

/** Columns without what depends on the order in which texts were met. */
function normal(value: unknown): unknown {
  if (value === null || typeof value !== "object") {
    return value;
  }
  if ("words" in value && "at" in value) {
    return strings(value as Words);
  }
  if ("runs" in value) {
    const column = new ListColumn(value as Lists);
    return (value as Lists).runs.map((_, row) => column.list(row));
  }
  if (Array.isArray(value)) {
    return value.map(normal);
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, normal(inner)]));
}

/** What grows row by row. The rest is taken anew now and then. */
function growing({ about, spans, items, labels }: Columns): unknown {
  const { critical_path, losses, undelivered, ...tables } = spans;
  void [critical_path, losses, undelivered];
  const byClass = Object.entries(tables.requests.by_class).filter(([, column]) => column.some((delta) => delta !== 0));
  const agents = about.agents.map(({ wall_ms, ...agent }) => (void wall_ms, agent));
  const { last_seq, events, last_item, stats } = about;
  const { turns, model_calls, input_tokens, cached_input_tokens, output_tokens } = stats;
  return normal({
    ...tables, requests: { ...tables.requests, by_class: Object.fromEntries(byClass) }, items, labels, agents, last_seq, events, last_item,
    stats: { agents: stats.agents, turns, model_calls, input_tokens, cached_input_tokens, output_tokens },
  });
}

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe("a recording that grows", () => {
  test("what is pushed makes the columns what they are when taken", { timeout: 120_000 }, async () => {
    const recording = new Recording(6);
    const served = await serve(recording.folder, "--follow");
    try {
      const caller = await Caller.of(served);
      const pushes = caller.pushes();
      expect((await pushes.next()).value.name).toBe("begin");
      let columns = await caller.columns();
      let grown = 0;
      while (recording.left > 2) {
        recording.write(2);
        const push = (await pushes.next()).value;
        const taken = await caller.columns();
        if (push.name === "grown") {
          grown += 1;
          columns = grow(columns, JSON.parse(push.data) as Grown);
          expect(growing(columns), `event ${columns.about.last_seq}`).toEqual(growing(taken));
        } else {
          expect(push.name).toBe("anew");
        }
        columns = taken;
      }
      expect(grown).toBeGreaterThan(10);
      recording.write(recording.left);
      expect((await pushes.next()).value.name).toBe("ended");
    } finally {
      served.stop();
      recording.remove();
    }
  });

  test("shows what is new without being loaded again, and after the end what a fresh page shows", { timeout: 120_000 }, async () => {
    const recording = new Recording(20);
    const served = await serve(recording.folder, "--follow");
    try {
      const { page, problems } = await visit(browser, served.link);
      const requests = () => page.locator(".figures .figure", { hasText: "request" }).locator("dd").innerText();
      await page.locator(".live").waitFor();
      await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
      const before = Number(await requests());
      // The newest is followed until the person looks at something else.
      await page.locator(".live").click();
      await expect.poll(() => page.url()).toContain(`at=request:${before}`);
      recording.write(25);
      await expect.poll(requests, { timeout: 20_000 }).not.toBe(String(before));
      await expect.poll(() => page.url()).toContain(`at=request:${await requests()}`);
      await page.locator("main").hover();
      await page.mouse.wheel(0, -200);
      await expect.poll(() => page.locator(".live").getAttribute("aria-pressed")).toBe("false");
      const stays = page.url();
      recording.write(recording.left);
      await page.getByText("the rollout has ended").waitFor({ timeout: 20_000 });
      expect(page.url().split("&view")[0]).toBe(stays.split("&view")[0]);
      expect(await page.evaluate(() => "isSamePage" in globalThis)).toBe(true);
      const fresh = await visit(browser, served.link);
      for (const tab of ["conversation", "agents", "unseen", "events", "context"]) {
        const shown = await Promise.all([page, fresh.page].map((one) => look(one, tab)));
        expect(shown[0], tab).toBe(shown[1]);
      }
      expect([...problems, ...fresh.problems]).toEqual([]);
    } finally {
      served.stop();
      recording.remove();
    }
  });

  test("takes everything anew when a lost connection is there again", { timeout: 120_000 }, async () => {
    const recording = new Recording(20);
    const served = await serve(recording.folder, "--follow");
    let connections = 0;
    try {
      const { page, problems } = await visit(browser, served.link, {}, (page) => page.route("**/api/follow*", async (route) => {
        connections += 1;
        if (connections === 1) {
          // Ends at once, and what is recorded then reaches nobody.
          await route.fulfill({ contentType: "text/event-stream", body: "retry: 2000\n\n" });
        } else {
          await route.continue();
        }
      }));
      const requests = () => page.locator(".figures .figure", { hasText: "request" }).locator("dd").innerText();
      await page.getByText("connection lost, trying again").waitFor();
      const before = await requests();
      recording.write(25);
      await page.locator(".live").waitFor({ timeout: 20_000 });
      await expect.poll(requests, { timeout: 20_000 }).not.toBe(before);
      expect(connections).toBe(2);
      expect(problems).toEqual([]);
    } finally {
      served.stop();
      recording.remove();
    }
  });

  test("says so when the program does not know the page any more", { timeout: 120_000 }, async () => {
    const recording = new Recording(20);
    const first = await serve(recording.folder, "--follow");
    const { page } = await visit(browser, first.link);
    await page.locator(".live").waitFor();
    first.stop();
    await page.getByText("connection lost, trying again").waitFor({ timeout: 20_000 });
    const second = await serve(recording.folder, "--follow", "--port", new URL(first.link).port);
    try {
      await page.getByText("not followed any more").waitFor({ timeout: 20_000 });
    } finally {
      second.stop();
      recording.remove();
    }
  });
});

/** What a page shows in a tab, with the first request selected. */
async function look(page: Page, tab: string): Promise<string> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#at=request:1&tab=${tab}`);
  await page.waitForLoadState("networkidle");
  await page.locator(".tab-view").waitFor();
  await page.waitForTimeout(500);
  const parts = await Promise.all([".figures", ".tab-view", ".panel"].map((part) => page.locator(part).innerText()));
  return parts.join("\n");
}
