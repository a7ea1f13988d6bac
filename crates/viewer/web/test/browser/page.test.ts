import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REPOSITORY, type Served, launch, serve, visit } from "./harness";

let browser: Browser;
let sample: Served;

beforeAll(async () => {
  browser = await launch();
  sample = await serve(join(REPOSITORY, "docs/sample-bundle"));
});

afterAll(async () => {
  await browser?.close();
  sample?.stop();
});

test("shows a rollout, and a request with what changed since the one before", async () => {
  const { page, problems } = await visit(browser, sample.link);
  await page.waitForSelector(".rule");
  expect(await page.textContent(".chips")).toContain("completed");
  expect(await page.textContent(".panel")).toContain("Where the");
  await page.getByRole("link", { name: /Request 2/ }).first().click();
  await page.waitForSelector(".panel h2:has-text('Request 2')");
  await page.getByText("Since request 1").waitFor();
  expect(new URL(page.url()).hash).toBe("#at=request:2");
  await page.goBack();
  await page.waitForSelector(".panel h2:has-text('Overview')");
  expect(problems).toEqual([]);
  await page.context().close();
});

test("answers why an item is there, step by step", async () => {
  const { page, problems } = await visit(browser, sample.link);
  await page.waitForSelector(".rule");
  await page.evaluate(() => {
    location.hash = "at=item:5";
  });
  await page.waitForSelector(".why .step");
  const steps = await page.locator(".why .step-text").allTextContents();
  expect(steps[0]).toMatch(/^output of /);
  expect(steps.at(-1)).toMatch(/^a person/);
  expect(await page.locator(".is-selected").count()).toBeGreaterThan(0);
  expect(problems).toEqual([]);
  await page.context().close();
});

test("a selector that names nothing says what there is instead", async () => {
  const { page } = await visit(browser, sample.link);
  await page.waitForSelector(".rule");
  await page.evaluate(() => {
    location.hash = "at=request:99";
  });
  await page.waitForSelector(".panel .bad");
  expect(await page.textContent(".panel")).toContain("5 requests");
  await page.context().close();
});
