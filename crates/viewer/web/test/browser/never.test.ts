/** What the viewer must never do. Hosts, origins, tokens and paths are in the tests of the server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SAMPLE, Copy, damaged, longText, removeAll, wide } from "./bundles";
import { FORMS, launch, open } from "./harness";
import { hostileBundle } from "./hostile";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  removeAll();
});

/** The most elements that may be on the page at any time. */
const MOST_NODES = 1000;

function nodes(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelectorAll("*").length);
}

const ours = (problems: readonly string[]) => problems.filter((problem) => !problem.includes("frame-ancestors"));

describe.each(FORMS)("%s", (form) => {
  test("fetches nothing from anywhere else, even if a script in it tried", async () => {
    let asked = 0;
    const other = createServer((_, response) => {
      asked += 1;
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.end("x");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    const { page, close } = await open(browser, form, SAMPLE, { offline: false });
    const outcome = await page.evaluate(async (to) => {
      const fetched = await fetch(to).then(() => "fetched", () => "refused");
      const image = await new Promise((resolve) => {
        const element = new Image();
        element.onload = element.onerror = () => resolve(element.naturalWidth > 0 ? "loaded" : "refused");
        element.src = `${to}x.png`;
      });
      const marks = window as unknown as { ran?: boolean };
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
      const styled = document.createElement("div");
      styled.setAttribute("style", "color: rgb(1, 2, 3)");
      document.body.append(styled);
      const evaluated = (() => {
        try {
          return new Function("return 'ran'")() as string;
        } catch {
          return "refused";
        }
      })();
      const frame = document.createElement("iframe");
      frame.src = to;
      document.body.append(frame);
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { fetched, image, script: marks.ran === true ? "ran" : "refused", style: getComputedStyle(styled).color, evaluated };
    }, address);
    expect(outcome).toEqual({ fetched: "refused", image: "refused", script: "refused", style: expect.not.stringContaining("1, 2, 3"), evaluated: "refused" });
    expect(asked).toBe(0);
    await close();
    other.close();
  });

  test("shows what would act as visible marks: in the page, in tooltips and in the title", async () => {
    const evil = "\u202Egnp.exe\u2066 <b>bold</b> \u001b[31mred\u0007 \u{E0041}";
    const bundle = new Copy(`<i>name</i>\u202E`)
      .payload(4, (document) => JSON.parse(JSON.stringify(document).replaceAll("cargo test price", `cargo test ${JSON.stringify(evil).slice(1, -1)}`)))
      .payload(3, (document) => ({
        ...document,
        output_items: document.output_items.map((item: { type: string }) => (item.type === "function_call" ? { ...item, arguments: JSON.stringify({ cmd: `cargo test ${evil}` }) } : item)),
      })).path;
    const { page, problems, show, close } = await open(browser, form, bundle);
    const acting = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\u{E0041}/u;
    await show("at=item:4");
    await page.locator(".panel .why").waitFor();
    const row = page.locator(".item-row.is-selected");
    expect(await row.locator(".mark").allTextContents()).toEqual(expect.arrayContaining(["U+202E", "U+2066", "U+001B", "U+0007", "U+E0041"]));
    expect(await row.textContent()).toContain("<b>bold</b>");
    expect(await page.locator("b:text-is('bold'), i:text-is('name')").count()).toBe(0);
    expect(await page.title()).not.toMatch(acting);
    expect(await page.title()).toContain("[U+202E]");
    // The canvas and its tooltips take the same one-line text.
    const canvas = (await page.locator(".lanes-canvas").boundingBox())!;
    const tools = (await page.locator(".lane-label", { hasText: /^tools$/ }).first().boundingBox())!;
    const tips = new Set<string>();
    for (let x = canvas.x + 2; x < canvas.x + canvas.width; x += 6) {
      await page.mouse.move(x, tools.y + tools.height / 2);
      tips.add((await page.locator(".tooltip").count()) > 0 ? ((await page.locator(".tooltip").textContent()) ?? "") : "");
    }
    expect(tips.size).toBeGreaterThan(1);
    expect([...tips].filter((tip) => acting.test(tip))).toEqual([]);
    expect(ours(problems)).toEqual([]);
    await close();
  });

  test("a hostile bundle makes no element, no dialog and no request", async () => {
    const { page, problems, show, close } = await open(browser, form, hostileBundle(SAMPLE));
    for (const view of ["", "at=item:4", "at=request:2", "tab=context", "tab=agents", "tab=unseen", "tab=events", "tab=search&q=alert"]) {
      await show(view);
      expect(await page.locator("iframe, object, embed, base, img, form[action], [onload], [onerror], [onclick], svg[onload]").count()).toBe(0);
      const links = await page.locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));
      expect(links.filter((href) => !href.startsWith("#") && !href.startsWith("/"))).toEqual([]);
    }
    expect(ours(problems)).toEqual([]);
    await close();
  });

  test("a damaged bundle is shown as far as it goes, and says what is missing", async () => {
    const { page, problems, show, close } = await open(browser, form, damaged());
    expect(await page.locator(".chips").textContent()).toMatch(/no end recorded.*evidence: damaged/);
    await show("at=request:3");
    await page.getByText("The request can't be read").or(page.locator(".panel h2", { hasText: "Request 3" })).first().waitFor();
    await show("at=call:call_1");
    await page.locator(".panel h2").waitFor();
    expect(ours(problems)).toEqual([]);
    await close();
  });

  test("a payload that is missing is said to be missing", async () => {
    const bundle = new Copy("missing").withoutPayload(2).withoutPayload(7).path;
    const { page, show, close } = await open(browser, form, bundle);
    await show("at=request:1");
    await page.getByText("The request can't be read: tools and instructions are missing from these sums.").waitFor();
    await page.locator(".panel").getByRole("button", { name: /request · payload/ }).click();
    await page.locator(".panel .payload .hint").waitFor();
    await close();
  });

  test("10,000 tools in one answer are six lanes, an area whose bars are listed, and a fold in the conversation", async () => {
    const { page, problems, show, close } = await open(browser, form, wide(10_000));
    const area = page.locator(".lane-label", { hasText: /^up to 9,9\d\d more at once$/ });
    await area.waitFor();
    expect(await page.locator(".lane-label").filter({ hasText: /^tools$/ }).count()).toBeGreaterThan(0);
    await page.locator(".list").hover();
    const fold = page.getByRole("button", { name: "9,971 more calls in this answer" });
    for (let turn = 0; turn < 30 && (await fold.count()) === 0; turn += 1) {
      await page.mouse.wheel(0, 400);
      await page.waitForTimeout(30);
      expect(await nodes(page)).toBeLessThan(MOST_NODES);
    }
    await fold.click();
    await page.waitForTimeout(200);
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    // A click into the area lists what runs there.
    await area.scrollIntoViewIfNeeded();
    const box = (await area.boundingBox())!;
    const canvas = (await page.locator(".lanes-canvas").boundingBox())!;
    for (let x = canvas.x + 4; x < canvas.x + canvas.width && (await page.locator(".more-list").count()) === 0; x += 12) {
      await page.mouse.click(x, box.y + box.height / 2);
    }
    expect(await page.locator(".more-list li").count()).toBe(40);
    expect(await page.locator(".more-list").textContent()).toMatch(/[\d,]+ tools without a lane.*more; zoom in/);
    await page.locator(".more-list a").first().click();
    await page.waitForURL(/at=call:wide_/);
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    await show("tab=events");
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    expect(ours(problems)).toEqual([]);
    await close();
  });

  test("a text of 30 MB is shown in parts", async () => {
    const { page, problems, show, close } = await open(browser, form, longText(30));
    await show("at=item:5");
    await page.locator(".panel").getByText("Why is it here?").waitFor();
    await page.locator(".panel .text .more", { hasText: /show all (30|31)\.\d MB/ }).click();
    await page.locator(".panel .text .hint", { hasText: "of each part are shown" }).waitFor();
    expect(await page.locator(".panel .text").first().evaluate((element) => element.textContent!.length)).toBeLessThan(300_000);
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    expect(ours(problems)).toEqual([]);
    await close();
  });
});
