/**
 * Measures the page on bundles: `just measure-page BUNDLE…` prints a table for docs/benchmarks.md. Everything is measured
 * in one run of one browser, and a page with nothing but a blank canvas does the same beside it.
 */
import { basename } from "node:path";
import { cpus } from "node:os";
import type { CDPSession, Page } from "playwright-core";
import { launch, serve, visit } from "../test/browser/harness.ts";
import { type Figures, measureBlank, measurePage } from "./in-page.ts";

interface Column {
  readonly name: string;
  readonly figures: Figures;
}

async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const usage = (await session.send("Runtime.getHeapUsage")) as { usedSize: number; backingStorageSize?: number };
  return (usage.usedSize + (usage.backingStorageSize ?? 0)) / 1e6;
}

async function measure(page: Page, script: () => Promise<Figures>): Promise<Figures> {
  const figures = await page.evaluate(script);
  const heap = await heapOf(await page.context().newCDPSession(page));
  return { ...figures, "heap after everything, MB": heap.toFixed(0) };
}

/** How often first content is measured. */
const STARTS = 3;

/** The milliseconds from the start of the program to a frame with header and timeline, in a browser that runs. */
async function firstContent(bundle: string): Promise<number> {
  const start = performance.now();
  const served = await serve(bundle);
  try {
    const { page } = await visit(browser, served.link);
    await page.waitForSelector(".header h1", { timeout: 300_000 });
    await page.waitForSelector(".lanes-canvas");
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
    const took = performance.now() - start;
    await page.context().close();
    return took;
  } finally {
    served.stop();
  }
}

async function firstContents(bundle: string): Promise<Figures> {
  const took: number[] = [];
  for (let at = 0; at < STARTS; at += 1) {
    took.push(await firstContent(bundle));
  }
  return { "first content after the start, ms (each start)": took.map((ms) => ms.toFixed(0)).join(" / ") };
}

const browser = await launch();
const columns: Column[] = [];
try {
  for (const bundle of process.argv.slice(2)) {
    const first = await firstContents(bundle);
    const served = await serve(bundle);
    try {
      const { page } = await visit(browser, served.link);
      await page.waitForSelector(".rule", { timeout: 300_000 });
      await page.waitForLoadState("networkidle");
      columns.push({ name: basename(bundle), figures: { ...first, ...(await measure(page, measurePage)) } });
      await page.context().close();
    } finally {
      served.stop();
    }
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  columns.push({ name: "blank canvas", figures: await measure(page, measureBlank) });
} finally {
  await browser.close();
}
const rows = [...new Set(columns.flatMap(({ figures }) => Object.keys(figures)))];
console.log(`${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Chromium ${browser.version()}, 1280 × 720\n`);
console.log(`| what | ${columns.map(({ name }) => name).join(" | ")} |`);
console.log(`|---|${columns.map(() => "---|").join("")}`);
for (const row of rows) {
  console.log(`| ${row} | ${columns.map(({ figures }) => figures[row] ?? "").join(" | ")} |`);
}
