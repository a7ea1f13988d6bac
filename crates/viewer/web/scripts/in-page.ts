/** What is run within the page that is measured. Each function is sent to the page as text, so that it holds all it needs. */

export type Figures = Record<string, string>;

export async function measurePage(): Promise<Figures> {
  const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
  /** Resolves when the frame that is being made is on its way to the screen. */
  const painted = async () => {
    await frame();
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve();
      port2.postMessage(null);
    });
  };
  const key = (name: string) => dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  const said = (values: number[]) => {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return `${at(0.5).toFixed(1)} / ${at(0.95).toFixed(1)} / ${(sorted.at(-1) ?? 0).toFixed(1)}`;
  };
  let nodes = 0;
  const count = () => {
    nodes = Math.max(nodes, document.querySelectorAll("*").length);
  };

  const draws: number[] = [];
  const original = globalThis.requestAnimationFrame;
  const pan = async () => {
    draws.length = 0;
    // A draw is what the page does in the frame after a key.
    globalThis.requestAnimationFrame = (callback) => original((time) => {
      const start = performance.now();
      callback(time);
      draws.push(performance.now() - start);
    });
    for (let at = 0; at < 120; at += 1) {
      key(at % 20 < 10 ? "d" : "a");
      await new Promise((resolve) => original(resolve));
    }
    globalThis.requestAnimationFrame = original;
    return said(draws);
  };
  key("w");
  const out = await pan();
  for (let at = 0; at < 14; at += 1) {
    key("w");
    await frame();
  }
  const zoomed = await pan();
  key("0");
  await painted();

  const select = async (request: number) => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    const start = performance.now();
    location.hash = `at=request:${request}`;
    while (!(document.querySelector(".panel h2")?.textContent ?? "").includes(`Request ${request} `)) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await painted();
    count();
    return performance.now() - start;
  };
  const requestsOf = async (agent: HTMLOptionElement) => {
    const list = document.querySelector<HTMLSelectElement>("select[aria-label=Agent]");
    if (list !== null) {
      list.value = agent.value;
      list.dispatchEvent(new Event("change", { bubbles: true }));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return [...document.querySelectorAll<HTMLAnchorElement>("a.rule")].map((rule) => Number(/request:(\d+)/.exec(rule.href)?.[1] ?? 0)).filter((request) => request > 0);
  };
  const agents = [...document.querySelectorAll<HTMLOptionElement>("select[aria-label=Agent] option")];
  const firsts: number[] = [];
  for (const agent of agents.slice(0, 5)) {
    firsts.push(...(await requestsOf(agent)).slice(0, 1));
  }
  const root = Number(/Request (\d+)/.exec(document.querySelector(".rule")?.textContent ?? "")?.[1] ?? 1);
  const within: number[] = [];
  for (let at = 0; at < 40; at += 1) {
    key("]");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const now = Number(/request:(\d+)/.exec(location.hash)?.[1] ?? root);
    key("]");
    await new Promise((resolve) => setTimeout(resolve, 30));
    within.push(await select(now));
  }
  const across: number[] = [];
  for (let round = 0; round < 8 && firsts.length > 1; round += 1) {
    for (const request of firsts) {
      across.push(await select(request));
    }
  }

  const list = document.querySelector<HTMLElement>(".list")!;
  list.dispatchEvent(new WheelEvent("wheel"));
  list.scrollTop = 0;
  await painted();
  const scrolling: number[] = [];
  let before = await frame();
  for (let at = 0; at < 120; at += 1) {
    list.scrollTop += 400;
    const now = await frame();
    scrolling.push(now - before);
    before = now;
    count();
  }
  return {
    "draw while panning, all in view, ms": out,
    "draw while panning, zoomed in, ms": zoomed,
    "select within an agent, ms": said(within),
    "select across agents, ms": across.length === 0 ? "" : said(across),
    "frame while scrolling, ms": said(scrolling),
    "most DOM nodes": `${nodes}`,
  };
}

/** A page with one canvas: what the browser and the machine take without the app. */
export async function measureBlank(): Promise<Figures> {
  const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
  const painted = async () => {
    await frame();
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve();
      port2.postMessage(null);
    });
  };
  const said = (values: number[]) => {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return `${at(0.5).toFixed(1)} / ${at(0.95).toFixed(1)} / ${(sorted.at(-1) ?? 0).toFixed(1)}`;
  };
  const [title, canvas, scroller, content] = ["h2", "canvas", "div", "div"].map((name) => document.createElement(name)) as [HTMLElement, HTMLCanvasElement, HTMLElement, HTMLElement];
  Object.assign(canvas, { width: 1112, height: 240 });
  Object.assign(scroller.style, { height: "300px", overflow: "auto" });
  content.style.height = "100000px";
  scroller.append(content);
  document.body.append(title, canvas, scroller);
  const context = canvas.getContext("2d")!;
  const draws: number[] = [];
  for (let at = 0; at < 120; at += 1) {
    await frame();
    const start = performance.now();
    context.fillStyle = at % 2 === 0 ? "#fff" : "#eee";
    context.fillRect(0, 0, 1112, 240);
    draws.push(performance.now() - start);
  }
  const selecting: number[] = [];
  for (let at = 0; at < 40; at += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    const start = performance.now();
    title.textContent = `Request ${at}`;
    context.fillRect(0, 0, 1112, 240);
    await painted();
    selecting.push(performance.now() - start);
  }
  const scrolling: number[] = [];
  let before = await frame();
  for (let at = 0; at < 120; at += 1) {
    scroller.scrollTop += 400;
    const now = await frame();
    scrolling.push(now - before);
    before = now;
  }
  return {
    "draw while panning, all in view, ms": said(draws),
    "select within an agent, ms": said(selecting),
    "frame while scrolling, ms": said(scrolling),
    "most DOM nodes": `${document.querySelectorAll("*").length}`,
  };
}
