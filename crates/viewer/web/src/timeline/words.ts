/** What bars say. */
import type { Thing } from "../api";
import { callWords, command } from "../data/names";
import { CALL, CELL, REQUEST, TURN, type Trace } from "../data/trace";

/** What a bar says, the longest form first. Only commands may be cut. */
export function barWords(trace: Trace, [kind, number]: Thing): { words: readonly string[]; cut: boolean } {
  const { spans } = trace;
  switch (kind) {
    case TURN:
      return { words: [`turn ${number + 1}`, `${number + 1}`], cut: false };
    case REQUEST:
      return { words: [`request ${number + 1}`, `${number + 1}`], cut: false };
    case CALL: {
      const { name, label, operation } = spans.calls;
      if (operation[number] == null) {
        return { words: [name[number]!], cut: true };
      }
      const said = command(label[number] ?? "");
      return { words: [said === "" ? name[number]! : said], cut: true };
    }
    case CELL:
      return { words: ["script"], cut: false };
    default:
      return { words: [callWords(trace, number)], cut: true };
  }
}
