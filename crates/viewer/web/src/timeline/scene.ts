/** What is drawn, and which part of it. */
import type { Trace } from "../data/trace";
import type { Palette } from "../pure/palette";
import type { AllEnds } from "./ends";
import type { Layout } from "./layout";
import type { Flags, Measure } from "./paint";

export interface View {
  readonly from: number;
  readonly to: number;
}

export interface Scene {
  readonly trace: Trace;
  readonly layout: Layout;
  readonly ends: AllEnds;
  readonly flags: Flags;
  readonly palette: Palette;
  readonly measure: Measure;
  /** The selection, as the things that have bars; keys are `kind:number`. */
  readonly marked: ReadonlySet<string>;
  readonly selectedEdge: number | null;
  readonly showPath: boolean;
  readonly followed: boolean;
}

export function xOf(view: View, width: number, at: number): number {
  return ((at - view.from) / (view.to - view.from)) * width;
}
