import { describe, expect, test } from "vitest";
import { packLanes } from "../../src/pure/lanes";
import { numbersOf, runsHave, runsLength, runsWithout } from "../../src/pure/runs";

describe("runs", () => {
  const runs = [1, 3, 10, 2, 7, 1];

  test("are lists", () => {
    expect([...numbersOf(runs)]).toEqual([1, 2, 3, 10, 11, 7]);
    expect(runsLength(runs)).toBe(6);
    expect([1, 4, 7, 11, 12].map((number) => runsHave(runs, number))).toEqual([true, false, true, true, false]);
  });

  test("differ as lists do", () => {
    // A small generator of numbers: the same ones each time.
    let state = 7;
    const next = (below: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state % below;
    };
    for (let round = 0; round < 300; round += 1) {
      const make = () => Array.from({ length: next(5) }, () => [next(30), 1 + next(6)]).flat();
      const [one, two] = [make(), make()];
      const held = new Set(numbersOf(two));
      expect(runsWithout(one, two)).toEqual([...numbersOf(one)].filter((number) => !held.has(number)));
    }
  });
});

describe("lanes", () => {
  test("bars that touch share a lane", () => {
    expect([...packLanes([0, 1, 2, 2], [2, 2, 3, 3]).lane]).toEqual([0, 1, 0, 1]);
  });

  test("the rest of many is an area", () => {
    const starts = Array.from({ length: 10 }, (_, at) => at);
    const lanes = packLanes(starts, starts.map(() => 20), 6);
    expect(lanes.count).toBe(6);
    expect([...lanes.lane]).toEqual([0, 1, 2, 3, 4, 5, 6, 6, 6, 6]);
    expect(lanes.overflow).toEqual({ at: [6, 7, 8, 9, 20], more: [1, 2, 3, 4, 0], most: 4 });
  });

  test("a bar without end keeps its lane", () => {
    expect([...packLanes([0, 5], [Number.POSITIVE_INFINITY, 6]).lane]).toEqual([0, 1]);
  });
});
