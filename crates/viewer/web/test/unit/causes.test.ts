import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Thing } from "../../src/api";
import { requestItems, ListColumn } from "../../src/data/columns";
import { causePath } from "../../src/data/path";
import { readAddress, readView, writeAddress, writeView } from "../../src/pure/address";
import { numbersOf } from "../../src/pure/runs";
import type { CauseHop } from "../../src/data/trace";

function forest(links: Record<string, Thing>) {
  return {
    next: (thing: Thing): CauseHop | null => {
      const to = links[thing.join(":")];
      return to === undefined ? null : { relation: "x", to, certainty: "recorded", seq: null, payload: null, name: null, note: null };
    },
  };
}

test("causes are followed to their root", () => {
  const path = causePath(forest({ "0:5": [5, 1], "5:1": [1, 0], "1:0": [10, 0] }), [0, 5]);
  expect(path.map((hop) => hop.to)).toEqual([[5, 1], [1, 0], [10, 0]]);
});

test("a circle ends where it closes", () => {
  expect(causePath(forest({ "0:1": [0, 2], "0:2": [0, 1] }), [0, 1])).toHaveLength(1);
});

test("requests continue earlier ones", () => {
  const own = new ListColumn({ runs: [1, 1, 2], first: [1, 3, 2, 3], count: [3, 1, 1, 2] });
  // [1, 2, 3] · its first two and [4] · its first one and [6, 9, 10]
  const items = (row: number) => [...numbersOf(requestItems([null, 0, 1], [0, 2, 1], own, row))];
  expect([0, 1, 2].map(items)).toEqual([[1, 2, 3], [1, 2, 4], [1, 6, 9, 10]]);
});

test("addresses keep selectors legible", () => {
  const address = { at: "agent:/lead/reader & co", tab: "context" as const, view: null, top: null, more: { q: "a=b" } };
  const written = writeAddress(address);
  expect(written).toBe("#at=agent:/lead/reader%20%26%20co&tab=context&q=a%3Db");
  expect(readAddress(written)).toEqual(address);
  expect(readAddress("#tab=nonsense")).toEqual({ at: null, tab: "conversation", view: null, top: null, more: {} });
});

test("what the timeline shows is in addresses as times or events", () => {
  for (const shown of [
    { mode: "time", range: null }, { mode: "time", range: [-12.5, 5400] }, { mode: "order", range: null }, { mode: "order", range: [3, 80] },
  ] as const) {
    expect(readView(writeView(shown))).toEqual(shown);
  }
  expect(writeView({ mode: "time", range: [1.26, 5] })).toBe("1.3..5");
  for (const nonsense of ["5..1", "x", "seq:", "1..", "all"]) {
    expect(readView(nonsense).range).toBeNull();
  }
});

test("the built page is small enough, and names no map of its sources", () => {
  const [script, style] = ["app.js", "app.css"].map((name) => readFileSync(new URL(`../../dist/${name}`, import.meta.url))) as [Buffer, Buffer];
  expect(gzipSync(Buffer.concat([script, style]), { level: 9 }).length).toBeLessThanOrEqual(122_880);
  expect(script.toString()).not.toContain("sourceMappingURL");
});
