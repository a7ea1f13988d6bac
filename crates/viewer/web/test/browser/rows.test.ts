/** What a person can do in the viewer, in both of its forms: a test for each row of that list. */
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SAMPLE, damaged, demo, newer, removeAll, root, withMore } from "./bundles";
import { FORMS, type Form, type Opened, launch, open, serve, visit } from "./harness";

let browser: Browser;
let recorded: string;
let more: string;

beforeAll(async () => {
  browser = await launch();
  recorded = demo();
  more = withMore();
});

afterAll(async () => {
  await browser?.close();
  removeAll();
});

/** Opens a bundle, does something with it, and expects that the page reported nothing. */
async function using(form: Form, bundle: string, act: (opened: Opened) => Promise<void>, ready = ".rule"): Promise<void> {
  const opened = await open(browser, form, bundle, { ready, more: form === "file" ? ["--with-payloads", "30"] : [] });
  try {
    await act(opened);
    expect(opened.problems.filter((problem) => !problem.includes("frame-ancestors"))).toEqual([]);
  } finally {
    await opened.close();
  }
}

const panel = (page: Page): Locator => page.locator(".panel");
const hash = (page: Page): string => new URL(page.url()).hash;

/** Moves over the lanes until a tooltip says what is looked for, and returns where. */
async function find(page: Page, lane: string, says: RegExp): Promise<{ x: number; y: number }> {
  const label = (await page.locator(".lane-label", { hasText: new RegExp(`^${lane}$`) }).first().boundingBox())!;
  const canvas = (await page.locator(".lanes-canvas").boundingBox())!;
  const y = label.y + label.height / 2;
  for (let x = canvas.x + 2; x < canvas.x + canvas.width; x += 3) {
    await page.mouse.move(x, y);
    const tip = page.locator(".tooltip b");
    if ((await tip.count()) > 0 && says.test((await tip.textContent()) ?? "")) {
      return { x, y };
    }
  }
  throw new Error(`nothing in the lane ${lane} says ${says}`);
}

describe.each(FORMS)("%s", (form) => {
  test("1 header: names, figures, and chips that open the overview with its evidence", () => using(form, recorded, async ({ page, show }) => {
    const header = page.locator(".header");
    expect(await header.locator("h1").textContent()).toMatch(/^trace-/);
    expect(await header.locator(".who .sub").textContent()).toContain("scripted-1");
    expect(await header.locator(".figure").allTextContents()).toEqual([
      expect.stringMatching(/wall$/), expect.stringMatching(/\(\d+ % cached\)tokens in$/), expect.stringMatching(/out$/), "2agents", "5turns", "13requests", "11tools",
    ]);
    await show("at=request:2");
    await header.locator(".chip", { hasText: "evidence: sealed parts" }).click();
    await panel(page).getByText("Evidence: sealed parts").waitFor();
    await panel(page).locator(".section", { hasText: "Evidence" }).getByRole("link", { name: "sealed content" }).click();
    await panel(page).getByText("Why is it here?").waitFor();
  }));

  test("2 timeline: hover tells, click selects, and zoom, order and ranges are a key or a drag away", () => using(form, recorded, async ({ page }) => {
    expect(await page.locator(".agent-name").allTextContents()).toEqual(["/root", expect.stringMatching(/^.root.reader$/)]);
    expect(await page.locator(".lane-label").allTextContents()).toContain("terminals");
    const spot = await find(page, "model", /^request 5 /);
    expect(await page.locator(".tooltip").textContent()).toMatch(/completed · .* · at .*tokens.*critical path/);
    await page.mouse.click(spot.x, spot.y);
    await panel(page).getByText("Request 5").waitFor();
    expect(hash(page)).toContain("at=request:5");
    await page.keyboard.press("f");
    await page.waitForURL(/view=\d+(\.\d)?\.\.\d+/);
    await page.keyboard.press("0");
    await page.waitForURL((url) => !url.hash.includes("view="));
    await page.keyboard.press("t");
    await page.waitForURL(/view=seq/);
    expect(await page.locator(".timeline-labels").textContent()).toContain("events");
    await page.keyboard.press("t");
    const canvas = (await page.locator(".lanes-canvas").boundingBox())!;
    await page.keyboard.down("Shift");
    await page.mouse.move(canvas.x + 100, canvas.y + 60);
    await page.mouse.down();
    await page.mouse.move(canvas.x + canvas.width - 10, canvas.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
    expect(await page.locator(".range-sums").textContent()).toMatch(/requests · .* tools · .* tokens in.*critical path: .*model/);
    await page.keyboard.press("Escape");
    expect(await page.locator(".range-sums").count()).toBe(0);
    expect(hash(page)).toContain("at=request:5");
  }));

  test("2 timeline: lanes of an agent close to one line, and its head stays while they are scrolled", () => using(form, recorded, async ({ page }) => {
    await page.getByRole("button", { name: "Close /root", exact: true }).click();
    expect(await page.locator(".agent-labels").first().locator(".lane-label").count()).toBe(0);
    await page.getByRole("button", { name: "Open /root", exact: true }).click();
    await page.locator(".lanes").evaluate((lanes) => lanes.scrollTo(0, 60));
    const lanes = (await page.locator(".lanes").boundingBox())!;
    expect((await page.locator(".agent-label").first().boundingBox())!.y).toBeCloseTo(lanes.y, 0);
  }));

  test("3 conversation: boundaries, what changed, sealed reasoning, calls with outputs, patches", () => using(form, recorded, async ({ page, show }) => {
    const tab = page.locator(".tab-view");
    expect(await tab.locator(".rule").first().textContent()).toContain("Request 1");
    expect(await tab.locator(".rule", { hasText: "Request 2" }).first().textContent()).toMatch(/\d+ as before, \d+ new|\d+ new/);
    await tab.getByText("that only the provider can read").first().waitFor();
    const call = tab.locator(".item-row", { hasText: "sh check.sh" }).first();
    expect(await call.locator(".output-box").textContent()).toContain("greeting.txt is misspelt");
    await show("at=item:9");
    const patch = tab.locator(".item-row", { hasText: "apply_patch" });
    expect(await patch.locator(".patch-add").textContent()).toBe("+hello world");
    expect(await patch.locator(".patch-del").textContent()).toBe("-hello wrold");
    await show("at=request:13");
    expect(await tab.locator(".rule.is-selected").textContent()).toMatch(/gone · cache prefix broken: compaction/);
    expect(await tab.locator(".compaction-row").count()).toBe(1);
  }));

  test("3 conversation: what the model never saw is there, hatched", () => using(form, more, async ({ page }) => {
    const box = page.locator(".not-seen").first();
    await box.waitFor();
    expect(await box.textContent()).toMatch(/not seen by the model: [\d,]+ of [\d,]+ bytes/);
    expect(await box.locator(".hatched").evaluate((element) => getComputedStyle(element).backgroundImage)).toContain("repeating-linear-gradient");
    await box.getByRole("button").click();
    await box.getByText("line 3 that nobody saw").waitFor();
    // The color of the terminal is a color here, and nothing of its escapes remains.
    expect(await box.locator(".t-c1").first().textContent()).toBe("red");
    expect(await box.textContent()).not.toContain("U+001B");
  }));

  test("3 conversation: an answer that was not recorded is said to be missing", () => using(form, damaged(), async ({ page, show }) => {
    await show("at=request:4");
    await page.getByText("no answer recorded: request 4 has no end in this trace").waitFor();
  }));

  test("4 request: composition, largest parts, what changed and why, cache, usage, raw bytes", () => using(form, recorded, async ({ page, show }) => {
    await show("at=request:3");
    const text = async () => (await panel(page).textContent()) ?? "";
    await panel(page).getByText("Since request 2").waitFor();
    expect(await text()).toMatch(/Context, ~[\d,]+ tokens in \d+ parts/);
    const sizes = (await panel(page).locator(".parts .number:nth-child(3)").allTextContents()).map((size) => Number(size.replace(/[~,]/g, "")));
    expect(sizes.length).toBeGreaterThan(3);
    expect([...sizes].sort((a, b) => b - a)).toEqual(sizes);
    await panel(page).getByRole("button", { name: /in order$/ }).click();
    expect(await panel(page).locator(".parts li").count()).toBeGreaterThan(sizes.length);
    expect(await text()).toMatch(/\d+ kept, \d+ added/);
    expect(await panel(page).locator(".gauge").allTextContents()).toEqual([expect.stringMatching(/equal prefix \d+ %/), expect.stringMatching(/reported cached \d+ %/)]);
    expect(await text()).toMatch(/in100 \(\d+ cached\).*estimate~[\d,]+/);
    await panel(page).getByRole("button", { name: /request · payload/ }).click();
    expect(await panel(page).locator(".bytes").textContent()).toContain('"model": "scripted-1"');
  }));

  test("5 item: why comes first, then who carried it, its text, its events and its payload", () => using(form, recorded, async ({ page, show }) => {
    await show("at=item:4");
    await page.waitForSelector(".why .step");
    expect(await panel(page).locator(".section h3").first().textContent()).toBe("Why is it here?");
    const steps = await panel(page).locator(".step-text").allTextContents();
    expect(steps[0]).toMatch(/^output of exec_command sh check.sh/);
    expect(steps.at(-1)).toMatch(/^a person/);
    expect(await panel(page).locator(".step .link").count()).toBeGreaterThan(3);
    expect(await panel(page).locator(".step.matched, .step.inferred").count()).toBeGreaterThan(0);
    expect(await panel(page).textContent()).toMatch(/\d+ requests, first request 2, last request \d+.*~\d+ tokens × \d+ = ~.* rent/);
    await panel(page).getByText("greeting.txt is misspelt").first().waitFor();
    expect(await panel(page).locator(".facts .seq").count()).toBeGreaterThan(0);
    await panel(page).getByRole("button", { name: /first shown in/ }).click();
    await panel(page).locator(".bytes").waitFor();
  }));

  test("5 call and process: why it was run, what the model saw and what was recorded", () => using(form, recorded, async ({ page }) => {
    const spot = await find(page, "terminals", /^process /);
    await page.mouse.click(spot.x, spot.y);
    await panel(page).getByText("Why was it started?").waitFor();
    await panel(page).locator(".section", { hasText: "operation" }).locator("a").first().click();
    await panel(page).getByText("Output as it was recorded").waitFor();
    await panel(page).locator(".facts a").first().click();
    await panel(page).getByText("Output as the model saw it").waitFor();
  }));

  test("6 context map: a column leads to its request and then to the part; classes can be picked out", () => using(form, recorded, async ({ page, show }) => {
    await show("tab=context");
    const canvas = page.locator(".map canvas");
    const box = (await canvas.boundingBox())!;
    const base = { x: box.x + 46 + 12, y: box.y + box.height - 18 - 6 };
    await page.mouse.click(base.x, base.y);
    await panel(page).getByText("Request 1").first().waitFor();
    expect(hash(page)).toBe("#at=request:1&tab=context");
    expect(await page.locator(".map-legend").textContent()).toContain("tool answers");
    const picture = () => canvas.evaluate((element) => (element as HTMLCanvasElement).toDataURL());
    const before = await picture();
    await page.locator(".map-legend").getByRole("button", { name: "tool answers" }).click();
    expect(await picture()).not.toBe(before);
    await page.locator(".map-legend").getByRole("button", { name: "tool answers" }).click();
    expect(await picture()).toBe(before);
    await show("at=item:4&tab=context");
    // The selected item is marked in the columns.
    expect(await picture()).not.toBe(before);
    expect(await page.locator(".map-rent li").first().textContent()).toMatch(/~.*%/);
  }));

  test("7 agents: the tree with what each was told and gave back", () => using(form, recorded, async ({ page }) => {
    await page.getByRole("link", { name: /^Agents/ }).click();
    const child = page.locator(".agent-grid.table-row").nth(1);
    expect(await child.textContent()).toMatch(/reader.*completed/);
    expect(await child.locator(".told-line").allTextContents()).toEqual([
      expect.stringContaining("Read greeting.txt and say whether it is right."), expect.stringContaining('It says "hello world", which is right.'),
    ]);
    await child.locator(".told-line a").first().click();
    await panel(page).getByText("Why is it here?").waitFor();
  }));

  test("8 unseen: what no model saw, the largest first, each with its place", () => using(form, more, async ({ page }) => {
    await page.getByRole("link", { name: /^Unseen/ }).click();
    await page.waitForSelector(".unseen-grid.table-row");
    const sizes = (await page.locator(".unseen-grid.table-row > :nth-child(4)").allTextContents()).map((size) => Number(size.split(" of ")[0]!.replaceAll(",", "")));
    expect(sizes[0]).toBeGreaterThan(5000);
    await page.locator(".unseen-grid.table-row a.link").first().click();
    await panel(page).getByText("Output as it was recorded").waitFor();
  }));

  test("8 unseen: says so if everything was shown", () => using(form, SAMPLE, async ({ page, show }) => {
    await show("tab=unseen");
    await page.getByText("sealed from reader").waitFor();
  }));

  test("9 search: / opens it, filters narrow it, results jump", () => using(form, recorded, async ({ page }) => {
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement?.getAttribute("type") === "search");
    await page.keyboard.type("mis+pelt");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".result mark");
    const all = await page.locator(".result").count();
    expect(await page.locator(".result mark").first().textContent()).toBe("misspelt");
    await page.getByLabel("role").selectOption("user");
    await page.waitForFunction((before) => { const now = document.querySelectorAll(".result").length; return now > 0 && now < before; }, all);
    expect(hash(page)).toContain("q=mis%2Bpelt&role=user");
    await page.locator(".result a.link").first().click();
    await panel(page).getByText("Why is it here?").waitFor();
  }));

  test("11 events: the log with times and types; a filter; an event opens", () => using(form, recorded, async ({ page, show }) => {
    await show("tab=events");
    await page.getByText("rollout started").waitFor();
    const field = page.getByLabel("Filter events");
    await field.fill("compaction");
    await page.getByText("compaction installed").first().waitFor();
    expect(await page.locator(".event").count()).toBeLessThan(6);
    expect(await page.locator(".event-grid.table-row").first().textContent()).toMatch(/^#\d+/);
    if (form === "served") {
      await page.locator(".event-grid.table-row").first().click();
      await page.locator(".event-text").getByText('"seq"').waitFor();
      await page.locator(".event-text .payload .more").first().click();
      await page.locator(".event-text .bytes").waitFor();
    }
  }));

  test("11 events: damage stands in its place", () => using(form, damaged(), async ({ page, show }) => {
    await show("tab=events");
    await page.locator(".event-damage").first().waitFor();
    expect(await page.locator(".event-damage").count()).toBe(2);
    expect(await page.locator(".event-damage").first().textContent()).toMatch(/line 22/);
  }));

  test("addresses: back leads to the selection and the view that were left, and nothing is an index", () => using(form, recorded, async ({ page, show }) => {
    await show("at=request:5");
    await panel(page).getByText("Request 5").first().waitFor();
    await page.keyboard.press("f");
    await page.waitForURL(/at=request:5&view=/);
    const zoomed = hash(page);
    await page.keyboard.press("]");
    await page.waitForURL(/at=request:6/);
    await page.keyboard.press("0");
    await page.waitForURL((url) => !url.hash.includes("view="));
    await page.goBack();
    await page.waitForURL((url) => url.hash === zoomed);
    await panel(page).getByText("Request 5").first().waitFor();
    await page.waitForTimeout(500);
    expect(hash(page)).toBe(zoomed);
    // Scrolling is in the address, too, as what stands at the top.
    await page.locator(".list").hover();
    await page.mouse.wheel(0, 900);
    await page.waitForURL(/top=(item|request|turn):\d+/);
  }));

  test("addresses: a selector that names nothing says so, and what there is instead", () => using(form, SAMPLE, async ({ page, show }) => {
    await show("at=request:99");
    await panel(page).locator(".bad").waitFor();
    expect(await panel(page).textContent()).toContain("5 requests, 2 turns and items up to [14]");
    // Every form of a name that the command line takes leads to the usual one.
    await show("at=inference-2");
    await panel(page).getByText("Request 2").first().waitFor();
  }));

  test("layout: three bands fill the window, also with an empty tab", () => using(form, SAMPLE, async ({ page, show }) => {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await show("tab=compare");
    const box = async (selector: string) => (await page.locator(selector).boundingBox())!;
    const [header, timeline, tab, side, footer] = [await box(".header"), await box(".timeline"), await box(".tab"), await box(".panel"), await box(".footer")];
    expect([header.y, header.height, header.width]).toEqual([0, 44, 1920]);
    expect(timeline.height).toBeLessThanOrEqual(1080 * 0.42 + 1);
    expect(tab.y + tab.height).toBeCloseTo(footer.y, 0);
    expect(side.y + side.height).toBeCloseTo(footer.y, 0);
    expect([footer.y + footer.height, side.x + side.width]).toEqual([1080, 1920]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1920);
    // 1280 × 720 at 200 %: one column, and the panel as a sheet over the tab.
    await page.setViewportSize({ width: 640, height: 360 });
    await show("at=request:2");
    expect((await box(".timeline")).height).toBeLessThanOrEqual(360 * 0.32 + 1);
    await panel(page).getByRole("button", { name: "Close the panel" }).click();
    expect(await panel(page).isVisible()).toBe(false);
    expect((await box(".tab")).width).toBe(640);
  }));

  test("a command that says the same is in every panel", () => using(form, recorded, async ({ page, show }) => {
    for (const [at, question] of [
      ["item:4", "why"], ["request:2", "context"], ["turn:1", "why"], ["call:call_1_2", "why"], ["terminal_operation:1", "why"],
    ] as const) {
      await show(`at=${at}`);
      const button = panel(page).getByRole("button", { name: "copy as command" });
      await button.waitFor();
      expect(await button.getAttribute("title")).toMatch(new RegExp(`^rollout-trace ${question} .* ${at}$`));
    }
  }));
});

describe("1 header: a newer format is said in place of everything else", () => {
  test("served", async () => {
    const { page, close } = await open(browser, "served", newer(), { ready: ".message" });
    expect(await page.locator(".message h1").textContent()).toContain("99");
    expect(await page.locator(".timeline, .header, .panel").count()).toBe(0);
    await close();
  });

  test("file: none is written", async () => {
    await expect(open(browser, "file", newer())).rejects.toThrow(/schema.*99|99.*schema/s);
  });
});

describe("10 compare", () => {
  test("served: the first divergence with its cause, side by side", () => using("served", root(), async ({ page }) => {
    await page.getByRole("link", { name: "a", exact: true }).click();
    await page.waitForSelector(".rule");
    await page.getByRole("link", { name: "Compare" }).click();
    await page.getByLabel("Rollout to compare with").selectOption("b");
    await page.waitForSelector(".divergence");
    expect(await page.locator(".divergence b").first().textContent()).toContain("tool result");
    const sides = await page.locator(".divergence .side-text").allTextContents();
    expect(sides.join("\n")).toMatch(/trunc[^]*floor/);
  }, ".rollout-list"));

  test("file: says that it is not in it, and the command that shows it", () => using("file", SAMPLE, async ({ page, show }) => {
    await show("tab=compare");
    expect(await page.locator(".tab-view").textContent()).toContain("rollout-trace diff");
  }));
});

test("header and timeline do not wait for the findings, which come by a call of their own", async () => {
  const served = await serve(SAMPLE);
  const { page, problems } = await visit(browser, served.link);
  try {
    await page.waitForSelector(".rule");
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route(/\/api\/review/, async (route) => {
      await released;
      await route.continue();
    });
    await page.reload();
    await page.waitForSelector(".rule");
    expect(await page.locator(".header h1").count()).toBe(1);
    expect(await page.locator(".lanes-canvas").count()).toBe(1);
    const chip = page.locator(".chip", { hasText: /\d+ (error|warning|note)/ });
    const findings = panel(page).locator(".section", { hasText: "Findings" });
    const rent = panel(page).locator(".section", { hasText: "Who filled the context" });
    expect([await chip.count(), await findings.count(), await rent.count()]).toEqual([0, 0, 0]);
    release();
    await chip.first().waitFor();
    await findings.waitFor();
    await rent.waitFor();
    expect(problems).toEqual([]);
  } finally {
    await page.context().close();
    served.stop();
  }
});
