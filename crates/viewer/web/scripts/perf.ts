/**
 * Measures the page on a bundle: `ROLLOUT_TRACE=… node scripts/run.mjs scripts/perf.ts BUNDLE`.
 * First content, draws while panning, selecting, scrolling, heap and DOM nodes.
 */
import { launch, serve, visit } from "../test/browser/harness.ts";

const [bundle = ""] = process.argv.slice(2);
const served = await serve(bundle);
const browser = await launch();
const begin = Date.now();
try {
  const { page } = await visit(browser, served.link);
  await page.waitForSelector(".header", { timeout: 300_000 });
  console.log(`first content after ${Date.now() - begin} ms`);
  await page.waitForSelector(".rule", { timeout: 300_000 });
  await page.waitForLoadState("networkidle");
  console.log(`everything after ${Date.now() - begin} ms`);
  // Again, with the program warm.
  const again = Date.now();
  await page.reload();
  await page.waitForSelector(".header");
  console.log(`first content again after ${Date.now() - again} ms`);
  await page.waitForSelector(".rule");
  await page.waitForLoadState("networkidle");
  console.log(`everything again after ${Date.now() - again} ms`);
  const result = await page.evaluate(async () => {
    const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    const key = (name: string) => dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
    const percentile = (values: number[], at: number) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * at))]!;
    // A draw is what happens in the frame after a pan; it is timed by the script's own time in it.
    const draws: number[] = [];
    const original = globalThis.requestAnimationFrame;
    globalThis.requestAnimationFrame = (callback) => original((time) => {
      const start = performance.now();
      callback(time);
      draws.push(performance.now() - start);
    });
    const pan = async (count: number) => {
      draws.length = 0;
      for (let at = 0; at < count; at += 1) {
        key(at % 20 < 10 ? "d" : "a");
        await new Promise((resolve) => original(resolve));
      }
      return [percentile([...draws], 0.5), percentile([...draws], 0.95)].map((value) => value.toFixed(1)).join(" / ");
    };
    key("w");
    const out = await pan(60);
    for (let at = 0; at < 14; at += 1) {
      key("w");
      await frame();
    }
    const zoomed = await pan(60);
    key("0");
    await frame();
    globalThis.requestAnimationFrame = original;
    const selecting: number[] = [];
    for (let at = 0; at < 20; at += 1) {
      const start = performance.now();
      location.hash = `at=request:${1 + Math.floor((at * 7919) % 400)}`;
      await frame();
      await frame();
      selecting.push(performance.now() - start);
    }
    const list = document.querySelector<HTMLElement>(".list")!;
    list.dispatchEvent(new WheelEvent("wheel"));
    const scrolling: number[] = [];
    let before = performance.now();
    for (let at = 0; at < 60; at += 1) {
      list.scrollTop += 400;
      await frame();
      const now = performance.now();
      scrolling.push(now - before);
      before = now;
    }
    const memory = (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory;
    return {
      "pan zoomed out, ms median / 95 %": out,
      "pan zoomed in, ms median / 95 %": zoomed,
      "select, ms median / max (two frames)": [percentile([...selecting], 0.5), Math.max(...selecting)].map((value) => value.toFixed(0)).join(" / "),
      "scroll, ms median / max": [percentile([...scrolling], 0.5), Math.max(...scrolling)].map((value) => value.toFixed(0)).join(" / "),
      "heap MB": memory === undefined ? null : Math.round(memory.usedJSHeapSize / 1e6),
      "DOM nodes": document.querySelectorAll("*").length,
    };
  });
  console.log(result);
} finally {
  await browser.close();
  served.stop();
}
