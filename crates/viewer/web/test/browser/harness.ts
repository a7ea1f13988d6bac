/** Starts the program on a bundle, and a browser on what it serves. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve as absolute } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";

/** The folder of the repository, which has bundles to open. */
export const REPOSITORY = process.env["REPOSITORY"] ?? absolute(import.meta.dirname, "../../../../..");
/** The program that serves them. */
export const PROGRAM = process.env["ROLLOUT_TRACE"] ?? join(REPOSITORY, "target/debug/rollout-trace");

/** The agent that records bundles. */
export const AGENT = process.env["ROLLOUT_TRACE_AGENT"] ?? join(PROGRAM, "../rollout-trace-agent");

export function browserPath(): string {
  const found = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const path = found.find((candidate) => candidate !== undefined && existsSync(candidate));
  if (path === undefined) {
    throw new Error("no Chromium was found: install Debian's package `chromium`, or set CHROMIUM to its path");
  }
  return path;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox", "--force-color-profile=srgb", "--font-render-hinting=none"] });
}

export interface Served {
  /** The address with the token, for a first visit. */
  readonly link: string;
  readonly stop: () => void;
}

/** Serves a bundle. Resolves when the program has printed its link. */
export function serve(bundle: string, ...more: string[]): Promise<Served> {
  const program: ChildProcess = spawn(PROGRAM, ["view", bundle, "--no-open", ...more], { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let said = "";
    let problem = "";
    program.stderr!.on("data", (piece: Buffer) => {
      problem += piece.toString();
    });
    program.stdout!.on("data", (piece: Buffer) => {
      said += piece.toString();
      const link = /http:\/\/\S+/.exec(said)?.[0];
      if (link !== undefined) {
        resolve({ link, stop: () => program.kill() });
      }
    });
    program.on("error", reject);
    program.on("exit", (code) => reject(new Error(`the program ended with ${code}: ${problem}`)));
  });
}

const built = new URL("../../dist/", import.meta.url);

/**
 * Opens a page that takes the app from `dist` instead of from the program, so that a change of the app needs no new
 * program. Everything that the page reports as an error, and every request to another origin, is collected.
 */
export async function visit(
  browser: Browser,
  link: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => {},
): Promise<{ page: Page; problems: string[] }> {
  const { page, problems } = await watched(browser, (url) => url.origin === new URL(link).origin, options);
  const { origin } = new URL(link);
  for (const [path, type] of [["app.js", "text/javascript"], ["app.css", "text/css"]] as const) {
    await page.route(`${origin}/${path}`, (route) => route.fulfill({ body: readFileSync(new URL(path, built)), contentType: type }));
  }
  await prepare(page);
  await page.goto(link);
  return { page, problems };
}

/** A page that collects what it reports as an error, dialogs, and requests to where it may send none. */
async function watched(browser: Browser, mayAsk: (url: URL) => boolean, options: BrowserContextOptions): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      problems.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:", "about:"].includes(url.protocol) && !mayAsk(url)) {
      problems.push(`request to ${request.url()}`);
    }
  });
  return { page, problems };
}

export const FORMS = ["served", "file"] as const;
export type Form = (typeof FORMS)[number];

export interface Opened {
  readonly page: Page;
  readonly problems: string[];
  /** Shows what a fragment says. */
  readonly show: (fragment: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens a bundle in one of the two forms, and waits for its conversation. */
export async function open(browser: Browser, form: Form, bundle: string, options: BrowserContextOptions & { readonly ready?: string; readonly more?: readonly string[] } = {}): Promise<Opened> {
  const { ready = ".rule", more = [], ...context } = options;
  let end = () => {};
  let opened: { page: Page; problems: string[] };
  if (form === "served") {
    const served = await serve(bundle, ...more);
    end = served.stop;
    opened = await visit(browser, served.link, context);
  } else {
    const folder = mkdtempSync(join(tmpdir(), "rollout-trace-file-"));
    end = () => rmSync(folder, { recursive: true, force: true });
    const path = join(folder, "rollout.html");
    execFileSync(PROGRAM, ["view", bundle, "-o", path, ...more], { stdio: "pipe" });
    const address = pathToFileURL(path).href;
    opened = await watched(browser, (url) => url.href.split("#")[0] === address, { offline: true, ...context });
    await opened.page.goto(address);
  }
  const { page, problems } = opened;
  await page.waitForSelector(ready);
  return {
    page,
    problems,
    async show(fragment) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, fragment);
      await page.waitForLoadState("networkidle");
    },
    async close() {
      await page.context().close();
      end();
    },
  };
}
