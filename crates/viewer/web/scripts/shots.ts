/**
 * Takes pictures of the viewer: `ROLLOUT_TRACE=… node scripts/shots.ts FOLDER NAME BUNDLE [FRAGMENT] [WIDTHxHEIGHT] [dark] [SCALE]`.
 */
import { mkdirSync } from "node:fs";
import { launch, serve, visit } from "../test/browser/harness.ts";

const [folder = "shots", name = "page", bundle = "", fragment = "", size = "1280x720", scheme = "light", scale = "1"] = process.argv.slice(2);
const [width = 1280, height = 720] = size.split("x").map(Number);
mkdirSync(folder, { recursive: true });
const served = await serve(bundle);
const browser = await launch();
try {
  const zoom = Number(scale);
  const { page, problems } = await visit(browser, served.link, {
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    colorScheme: scheme === "dark" ? "dark" : "light",
  });
  await page.waitForSelector(".header, .message, .rollout-list", { timeout: 240_000 });
  if (fragment !== "") {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, fragment);
  }
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${folder}/${name}.png` });
  for (const problem of problems) {
    console.error(problem);
  }
} finally {
  await browser.close();
  served.stop();
}
