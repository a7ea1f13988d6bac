import { join } from "node:path";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REPOSITORY, type Served, launch, serve, visit } from "./harness";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let browser: Browser;
let served: Served;

beforeAll(async () => {
  browser = await launch();
  served = await serve(join(REPOSITORY, "docs/sample-bundle"));
});

afterAll(async () => {
  await browser?.close();
  served?.stop();
});

const VIEWS = [
  "", "at=request:2", "at=item:5", "at=turn:1", "at=call:call_1", "at=thread:thread-reviewer", "at=request:99", "tab=context", "tab=agents", "tab=unseen", "tab=events&seq=2", "tab=search&q=the", "tab=compare",
];

test.each(["light", "dark"] as const)("every tab meets WCAG 2.2 AA in %s", async (colorScheme) => {
  const { page } = await visit(browser, served.link, { colorScheme });
  await page.waitForSelector(".rule");
  await page.evaluate(axe);
  const found: [string, string[]][] = [];
  for (const view of VIEWS) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, view);
    await page.waitForLoadState("networkidle");
    const violations = await page.evaluate(async (rules) => {
      const { axe: run } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
      const result = await run.run({ runOnly: { type: "tag", values: rules } });
      return result.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary?.split("\n")[1] ?? ""}`).join(" | ")}`);
    }, RULES);
    if (violations.length > 0) {
      found.push([view, violations]);
    }
  }
  expect(found).toEqual([]);
  await page.context().close();
});
