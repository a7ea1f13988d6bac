/** The five questions of somebody who sees a rollout for the first time: each is answered with at most three clicks. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demo, removeAll } from "./bundles";
import { FORMS, type Form, launch, open } from "./harness";

let browser: Browser;
let bundle: string;

beforeAll(async () => {
  browser = await launch();
  bundle = demo();
});

afterAll(async () => {
  await browser?.close();
  removeAll();
});

/** Opens the rollout, lets somebody look for an answer, and counts the clicks and keys that they needed. */
async function asked(form: Form, look: (page: Page) => Promise<void>): Promise<void> {
  const { page, close } = await open(browser, form, bundle);
  await page.evaluate(() => {
    const counted = window as unknown as { acts: number };
    counted.acts = 0;
    for (const kind of ["pointerdown", "keydown"]) {
      addEventListener(kind, () => counted.acts += 1, true);
    }
  });
  await look(page);
  const acts = await page.evaluate(() => (window as unknown as { acts: number }).acts);
  expect(acts).toBeGreaterThan(0);
  expect(acts).toBeLessThanOrEqual(3);
  await close();
}

/** Scrolls the conversation with the wheel until something is there; that is no click. */
async function scrolledTo(page: Page, selector: string): Promise<void> {
  await page.locator(".list").hover();
  for (let turn = 0; turn < 80 && (await page.locator(selector).count()) === 0; turn += 1) {
    await page.mouse.wheel(0, 300);
    await page.waitForTimeout(40);
  }
  await page.locator(selector).first().scrollIntoViewIfNeeded();
}

describe.each(FORMS)("%s", (form) => {
  test("which request first showed this output", () => asked(form, async (page) => {
    const output = page.locator(".item-row", { hasText: "sh check.sh" }).first().locator(".output-box");
    await output.hover();
    await output.locator(".output-number").click();
    await page.locator(".panel .section", { hasText: "Carried by" }).getByText("first request 2").waitFor();
  }));

  test("why was this process started", () => asked(form, async (page) => {
    const label = (await page.locator(".lane-label", { hasText: /^terminals$/ }).first().boundingBox())!;
    const canvas = (await page.locator(".lanes-canvas").boundingBox())!;
    for (let x = canvas.x + 2; x < canvas.x + canvas.width; x += 3) {
      await page.mouse.move(x, label.y + 4);
      const tip = page.locator(".tooltip b");
      if ((await tip.count()) > 0 && ((await tip.textContent()) ?? "").startsWith("process ")) {
        await page.mouse.click(x, label.y + 4);
        break;
      }
    }
    const why = page.locator(".panel .section", { hasText: "Why was it started?" });
    await why.waitFor();
    expect(await why.locator(".step").count()).toBeGreaterThan(3);
    expect(await why.locator(".step-text").last().textContent()).toMatch(/^a person/);
  }));

  test("what was the child told, and what came back", () => asked(form, async (page) => {
    await page.getByRole("link", { name: /^Agents/ }).click();
    const child = page.locator(".agent-grid.table-row", { hasText: "reader" });
    await child.getByText("Read greeting.txt and say whether it is right.").waitFor();
    await child.getByText('It says "hello world", which is right.').waitFor();
  }));

  test("which part of the context was largest", () => asked(form, async (page) => {
    await page.locator("a.rule", { hasText: "Request 2" }).first().click();
    const parts = page.locator(".panel .parts li");
    await parts.first().waitFor();
    expect(await parts.first().textContent()).toMatch(/tool definitions.*~[\d,]+.*%/);
  }));

  test("what did the compaction lose", () => asked(form, async (page) => {
    await scrolledTo(page, ".compaction-row");
    await page.locator(".compaction-row a").click();
    const lost = page.locator(".panel .section", { hasText: /^Lost: \d+ items/ });
    await lost.waitFor();
    expect(await lost.locator("li").count()).toBeGreaterThan(5);
  }));
});
