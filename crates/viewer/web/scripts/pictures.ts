/**
 * Takes the pictures of docs/viewer.md anew: `.ci/viewer pictures`. Most are of the rollout of `rollout-trace-agent demo`;
 * the others need another bundle.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { damaged, demo, removeAll, root, withMore } from "../test/browser/bundles.ts";
import { launch, serve, visit } from "../test/browser/harness.ts";
import { smallPng } from "./png.ts";

const [folder = "pictures"] = process.argv.slice(2);

interface Picture {
  readonly name: string;
  readonly bundle: string;
  readonly fragment: string;
  readonly dark?: true;
  /** What must be there first. */
  readonly wait: string;
  /** Takes this element, and not the page. */
  readonly of?: string;
  /** The rollout of a root. */
  readonly rollout?: string;
}

const recorded = demo();
const pictures: readonly Picture[] = [
  { name: "timeline", bundle: recorded, fragment: "", wait: ".rule", of: ".timeline" },
  { name: "conversation", bundle: recorded, fragment: "at=item:9", wait: ".why .step" },
  { name: "request", bundle: recorded, fragment: "at=request:13", wait: ".gauge", dark: true },
  { name: "why", bundle: recorded, fragment: "at=item:22", wait: ".why .step", of: ".panel" },
  { name: "context", bundle: recorded, fragment: "at=request:12&tab=context", wait: ".map canvas" },
  { name: "agents", bundle: recorded, fragment: "tab=agents", wait: ".agent-grid.table-row", of: ".tab" },
  { name: "unseen", bundle: withMore(), fragment: "tab=unseen", wait: ".unseen-grid.table-row", of: ".tab" },
  { name: "search", bundle: recorded, fragment: "tab=search&q=greeting", wait: ".result mark", of: ".tab", dark: true },
  { name: "compare", bundle: root(), rollout: "a", fragment: "tab=compare&with=b", wait: ".divergence", of: ".tab" },
  { name: "events", bundle: recorded, fragment: "tab=events&seq=20", wait: ".event-text pre", of: ".tab", dark: true },
  { name: "damaged", bundle: damaged(), fragment: "at=request:4", wait: ".missing" },
];
/** The most bytes of a picture. */
const MOST = 60_000;

mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
  for (const { name, bundle, fragment, dark, wait, of, rollout } of pictures) {
    const served = await serve(bundle);
    const { page, problems } = await visit(browser, served.link, { viewport: { width: 1120, height: 640 }, colorScheme: dark ? "dark" : "light" });
    if (rollout !== undefined) {
      await page.getByRole("link", { name: rollout, exact: true }).click();
    }
    await page.waitForSelector(".rule");
    await page.evaluate((hash) => {
      location.hash = hash;
    }, fragment);
    await page.waitForSelector(wait);
    await page.waitForLoadState("networkidle");
    await page.waitForTimeout(300);
    const png = await smallPng(page, await (of === undefined ? page : page.locator(of).first()).screenshot());
    writeFileSync(join(folder, `${name}.png`), png);
    console.log(`${name}: ${png.length} bytes`);
    if (problems.length > 0 || png.length > MOST) {
      throw new Error(`${name}: ${png.length} bytes, at most ${MOST} ${problems.join("; ")}`);
    }
    await page.context().close();
    served.stop();
  }
} finally {
  await browser.close();
  removeAll();
}
