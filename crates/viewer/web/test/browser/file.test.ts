import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROGRAM, REPOSITORY, launch } from "./harness";

let browser: Browser;
let folder: string;
let address: string;

beforeAll(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "rollout-trace-file-"));
  const path = join(folder, "rollout.html");
  execFileSync(PROGRAM, ["view", join(REPOSITORY, "docs/sample-bundle"), "-o", path], { stdio: "pipe" });
  address = pathToFileURL(path).href;
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a file shows everything without a server", async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, offline: true });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => request.url().split("#")[0] !== address && !/^(data|blob):/.test(request.url()) && problems.push(request.url()));
  await page.goto(address);
  await page.waitForSelector(".rule");
  const show = (hash: string) => page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await show("at=item:5");
  await page.waitForSelector(".why .step");
  await show("at=request:2");
  await page.getByText("Since request 1").waitFor();
  await show("tab=context");
  await page.waitForSelector(".map canvas");
  await show("tab=unseen");
  await page.getByText("sealed from reader").waitFor();
  await show("tab=events");
  await page.getByText("rollout started").waitFor();
  await show("tab=search&q=price");
  await page.waitForSelector(".result mark");
  await show("at=request:99");
  await page.waitForSelector(".panel .bad");
  expect(problems.filter((problem) => !problem.includes("frame-ancestors"))).toEqual([]);
  await context.close();
});
