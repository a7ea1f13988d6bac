import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REPOSITORY, type Served, launch, serve, visit } from "./harness";
import { hostileBundle } from "./hostile";

let browser: Browser;
let served: Served;
let bundle: string;

beforeAll(async () => {
  browser = await launch();
  bundle = hostileBundle(join(REPOSITORY, "docs/sample-bundle"));
  served = await serve(bundle);
});

afterAll(async () => {
  await browser?.close();
  served?.stop();
  rmSync(dirname(bundle), { recursive: true, force: true });
});

/** What of a bundle acts in the page, or stands in it as a character that would. */
function found(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const acting = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]|\u{E0041}/u;
    const problems: string[] = [];
    const made = "script:not([src='/app.js']), iframe, object, embed, base, img, link:not([rel=icon]):not([href='/app.css']), style, form[action], [onload], [onerror], [onclick], [style*='url']";
    for (const element of document.querySelectorAll(made)) {
      problems.push(`element ${element.tagName}`);
    }
    for (const link of document.querySelectorAll("a")) {
      const href = link.getAttribute("href") ?? "";
      if (!href.startsWith("#") && !href.startsWith("/")) {
        problems.push(`link to ${href}`);
      }
    }
    for (const element of document.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        if (name !== "value" && name !== "data-key" && acting.test(value)) {
          problems.push(`attribute ${name} of ${element.tagName}`);
        }
      }
    }
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (acting.test(node.textContent ?? "")) {
        problems.push(`text in ${node.parentElement?.className}`);
      }
    }
    if (acting.test(document.title)) {
      problems.push("title");
    }
    return problems;
  });
}

test("nothing of a bundle acts, wherever it is shown", async () => {
  const { page, problems } = await visit(browser, served.link);
  await page.waitForSelector(".rule");
  const views = [
    "", "at=item:5", "at=item:4", "at=item:2", "at=request:1", "at=request:3", "at=turn:1", "tab=context", "tab=agents", "tab=unseen",
    "tab=events&seq=2", "tab=compare", "tab=search&q=alert", "at=item:%3Cimg%20src=x%20onerror=alert(7)%3E",
    "at=%E2%80%AEevil&tab=%3Cscript%3E",
  ];
  let marks = 0;
  for (const view of views) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, view);
    await page.waitForLoadState("networkidle");
    expect([view, await found(page)]).toEqual([view, []]);
    marks += await page.locator(".mark").count();
  }
  expect(marks).toBeGreaterThan(0);
  const allowed = problems.filter((problem) => !/status of 404|status of 400/.test(problem));
  expect(allowed).toEqual([]);
  await page.context().close();
});

test("things of every kind are shown as text", async () => {
  const { page, problems } = await visit(browser, served.link);
  await page.waitForSelector(".rule");
  await page.evaluate(() => {
    location.hash = "at=item:5";
  });
  await page.waitForSelector(".why .step");
  // Follow every link of the panel once.
  const links = await page.locator(".panel a.link").evaluateAll((all) => [...new Set(all.map((link) => link.getAttribute("href")!))]);
  expect(links.length).toBeGreaterThan(3);
  for (const href of links.slice(0, 25)) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, href);
    await page.waitForLoadState("networkidle");
    expect([href, await found(page)]).toEqual([href, []]);
  }
  expect(problems).toEqual([]);
  await page.context().close();
});
