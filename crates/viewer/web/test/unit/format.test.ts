import { expect, test } from "vitest";
import { bytes, clock, counted, duration, percent, short, whole } from "../../src/pure/format";

test("durations have three figures and are rounded before they are split", () => {
  const durations = [0, 254, 999.4, 999.6, 1890, 9994, 9996, 25_800, 59_949, 59_960, 599_600, 602_000, 3_599_600, 5_280_000, 90_000_000];
  expect(durations.map(duration)).toEqual([
    "0 ms", "254 ms", "999 ms", "1.00 s", "1.89 s", "9.99 s", "10.0 s", "25.8 s", "59.9 s", "1 m 00 s", "10 m 00 s",
    "10 m 02 s", "1 h 00 m", "1 h 28 m", "1 d 01 h",
  ]);
});

test("no duration has 60 of anything", () => {
  for (let ms = 0; ms < 90_000_000; ms += 9_973) {
    expect(duration(ms)).not.toMatch(/\b60 [ms]\b/);
  }
});

test("tokens are short", () => {
  expect([999, 1000, 7_649, 9_949, 9_950, 30_400, 999_499, 999_500, 1_660_000, 73_600_000].map(short)).toEqual([
    "999", "1.0k", "7.6k", "9.9k", "10k", "30k", "999k", "1.00M", "1.66M", "73.6M",
  ]);
});

test("bytes, shares, counts", () => {
  expect([1, 512, 17_100, 127_694, 100_000_000].map(bytes)).toEqual(["1 byte", "512 bytes", "17.1 kB", "128 kB", "100 MB"]);
  expect([0, 0.004, 0.56, 0.997, 1].map(percent)).toEqual(["0 %", "< 1 %", "56 %", "> 99 %", "100 %"]);
  expect([whole(1234567), counted(1, "call"), counted(9970, "more call")]).toEqual(["1,234,567", "1 call", "9,970 more calls"]);
});

test("ticks of the clock", () => {
  expect([clock(0, 50), clock(150, 50), clock(1500, 500), clock(5000, 5000), clock(60_000, 60_000), clock(1_650_000, 10_000), clock(4_200_000, 600_000)]).toEqual([
    "0 ms", "150 ms", "1.5 s", "5 s", "1 m 00 s", "27 m 30 s", "1 h 10 m",
  ]);
});
