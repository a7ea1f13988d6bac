import { describe, expect, test } from "vitest";
import { idleStretches, orderAxis, roundStep, timeAxis } from "../../src/pure/axis";

describe("folding", () => {
  const idle = idleStretches([0, 100, 600_100], [100, 1000, 601_000], 601_000);

  test("where nothing runs", () => {
    expect(idle).toEqual([[1000, 600_100]]);
  });

  const axis = timeAxis(601_000, idle);

  test("to a share of the work", () => {
    expect(axis.folds).toHaveLength(1);
    expect(axis.length).toBeCloseTo(1900 + 57, 0);
    expect(axis.place(1000, null)).toBe(1000);
    expect(axis.place(600_100, null)).toBeCloseTo(1057, 0);
  });

  test("places and moments are inverse", () => {
    for (const ms of [0, 500, 1000, 30_000, 600_100, 600_900]) {
      expect(axis.say(axis.place(ms, null))).toBe(timeAxis(601_000, []).say(ms));
    }
  });

  test("ticks stand at round times", () => {
    const labels = axis.ticks(0, axis.length, 1000, 80).map((tick) => tick.label);
    expect(labels).toContain("200 ms");
    expect(labels.at(-1)).toMatch(/^10 m 0[01]\.\d s$/);
  });

  test("short pauses stay", () => {
    expect(timeAxis(10_000, [[1000, 2500]]).folds).toEqual([]);
  });
});

test("steps are round", () => {
  expect([0.3, 3, 70, 1000, 1200, 40_000, 4_000_000].map(roundStep)).toEqual([0.5, 5, 100, 1000, 2000, 60_000, 7_200_000]);
});

test("in order, each event has one place", () => {
  const axis = orderAxis(135);
  expect(axis.length).toBe(136);
  expect(axis.place(99_999, 42)).toBe(42);
  expect(axis.ticks(0, 136, 1100, 80).map((tick) => tick.at).slice(0, 3)).toEqual([0, 10, 20]);
});
