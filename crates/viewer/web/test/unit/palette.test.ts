import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CLASSES, CLASS_ORDER, COLOR_NAMES, parsePalette, tint, type ColorName, type Palette } from "../../src/pure/palette";

const palettes = parsePalette(readFileSync(new URL("../../src/style/palette.css", import.meta.url), "utf8"));

type Triple = [number, number, number];

function linear(hex: string): Triple {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function times(matrix: readonly Triple[], [a, b, c]: Triple): Triple {
  return matrix.map((row) => row[0] * a + row[1] * b + row[2] * c) as Triple;
}

/** Machado, Oliveira and Fernandes 2009, complete protanopia and deuteranopia, on linear RGB. */
const SIGHTS: Record<string, readonly Triple[]> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
};

const TO_XYZ: readonly Triple[] = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];

function lab(rgb: Triple): Triple {
  const clamped = rgb.map((value) => Math.min(1, Math.max(0, value))) as Triple;
  const [x, y, z] = times(TO_XYZ, clamped);
  const curve = (value: number) => (value > 216 / 24389 ? Math.cbrt(value) : (24389 / 27 * value + 16) / 116);
  const [fx, fy, fz] = [curve(x / 0.95047), curve(y), curve(z / 1.08883)];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

function distance(a: string, b: string, sight: readonly Triple[]): number {
  const [one, two] = [lab(times(sight, linear(a))), lab(times(sight, linear(b)))];
  return Math.hypot(one[0] - two[0], one[1] - two[1], one[2] - two[2]);
}

function contrast(a: string, b: string): number {
  const luminance = (hex: string) => times(TO_XYZ, linear(hex))[1];
  const [low, high] = [luminance(a), luminance(b)].sort((one, two) => one - two) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const classColors = [...new Set(CLASS_ORDER.map((name) => CLASSES[name].color))];

describe.each(["light", "dark"] as const)("%s palette", (scheme) => {
  const palette: Palette = palettes[scheme];

  test("has every color", () => {
    expect(COLOR_NAMES.filter((name) => !/^#[0-9a-f]{6}$/.test(palette[name] ?? ""))).toEqual([]);
  });

  test.each(Object.keys(SIGHTS))("classes are told apart in %s sight", (sight) => {
    const told = classColors.filter((name) => name !== "before");
    const close: string[] = [];
    for (const [at, a] of told.entries()) {
      for (const b of told.slice(at + 1)) {
        const apart = distance(palette[a], palette[b], SIGHTS[sight]!);
        if (Math.round(apart) < 19) {
          close.push(`${a} ${b} ${apart.toFixed(1)}`);
        }
      }
    }
    expect(close).toEqual([]);
  });

  test("text is legible on every ground that it stands on", () => {
    const grounds: ColorName[] = ["ground", "panel", "raised", "selected", "hover", "faint"];
    const pairs: [ColorName, ColorName][] = [];
    for (const ground of grounds) {
      pairs.push(...(["ink", "second", "link", "error", "warning", "good", "agent"] as const).map((text) => [text, ground] as [ColorName, ColorName]));
    }
    for (const ground of ["ground", "panel", "raised", "hover"] as const) {
      pairs.push(["third", ground]);
    }
    pairs.push(["error", "error-tint"], ["warning", "warning-tint"], ["good", "good-tint"]);
    pairs.push(...classColors.map((name) => ["ink", tint(name)] as [ColorName, ColorName]));
    const weak = pairs
      .map(([text, ground]) => ({ text, ground, ratio: contrast(palette[text], palette[ground]) }))
      .filter(({ ratio }) => ratio < 4.5);
    expect(weak.map(({ text, ground, ratio }) => `${text} on ${ground} ${ratio.toFixed(2)}`)).toEqual([]);
  });

  test("marks are visible on the ground", () => {
    const least: Partial<Record<ColorName, number>> = { definitions: 1.85, before: 2.55 };
    const weak = classColors
      .map((name) => ({ name, ratio: contrast(palette[name], palette.ground) }))
      .filter(({ name, ratio }) => ratio < (least[name] ?? 3));
    expect(weak).toEqual([]);
  });
});
