/** The roles of colors in `style/palette.css`, as the canvas reads them. */
export const COLOR_NAMES = [
  "model", "model-tint", "tool", "tool-tint", "script", "script-tint", "person", "person-tint", "agent", "agent-tint",
  "compaction", "compaction-tint", "harness", "harness-tint", "instructions", "instructions-tint",
  "definitions", "definitions-tint", "before", "before-tint",
  "ground", "panel", "raised", "line", "faint", "ink", "second", "third", "link", "selected", "hover",
  "error", "error-tint", "warning", "warning-tint", "good", "good-tint",
] as const;

export type ColorName = (typeof COLOR_NAMES)[number];
export type Scheme = "light" | "dark";
export type Palette = Readonly<Record<ColorName, string>>;

/** Who made a part of a context. The class decides color and letter everywhere. */
export type PartClass =
  | "model" | "tool" | "script" | "person" | "agent" | "compaction" | "harness" | "instructions" | "definitions"
  | "before" | "lost";

interface ClassLook {
  readonly letter: string;
  readonly word: string;
  readonly color: ColorName;
}

/** Letter, word and color of each class. `lost` shares its color with `before` and has its own letter and pattern. */
export const CLASSES: Readonly<Record<PartClass, ClassLook>> = {
  definitions: { letter: "D", word: "tool definitions", color: "definitions" },
  instructions: { letter: "I", word: "instructions", color: "instructions" },
  harness: { letter: "H", word: "harness", color: "harness" },
  before: { letter: "B", word: "from before the recording", color: "before" },
  lost: { letter: "?", word: "unknown: its maker is lost", color: "before" },
  person: { letter: "P", word: "person", color: "person" },
  agent: { letter: "A", word: "agents", color: "agent" },
  compaction: { letter: "C", word: "compaction", color: "compaction" },
  model: { letter: "M", word: "model", color: "model" },
  tool: { letter: "T", word: "tool answers", color: "tool" },
  script: { letter: "S", word: "scripts", color: "script" },
};

/** The order of classes in bars and legends, from what is always there to what grows. */
export const CLASS_ORDER = Object.keys(CLASSES) as PartClass[];

/** The tint of a class. */
export function tint(color: ColorName): ColorName {
  return `${color}-tint` as ColorName;
}

/** Reads `--name: light-dark(#light, #dark);` declarations. */
export function parsePalette(css: string): Record<Scheme, Palette> {
  const light: Record<string, string> = {};
  const dark: Record<string, string> = {};
  for (const [, name, first, second] of css.matchAll(/--([a-z-]+):\s*light-dark\(\s*(#\w+),\s*(#\w+)\s*\)/g)) {
    light[name!] = first!;
    dark[name!] = second!;
  }
  return { light: light as Palette, dark: dark as Palette };
}
