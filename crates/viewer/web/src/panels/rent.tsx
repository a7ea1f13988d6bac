/** What the contexts were filled with, by source: tokens times the requests that carried them. */
import type { JSX } from "preact";
import { percentExact, short } from "../pure/format";
import type { PartClass } from "../pure/palette";
import { oneLine } from "../pure/text";
import { Letter } from "../ui/bits";
import { usePage } from "../ui/page";

/** The class of a source in `blame`. */
function sourceClass(key: string): PartClass {
  if (key.startsWith("model")) {
    return "model";
  }
  if (key.startsWith("tool list")) {
    return "definitions";
  }
  if (key.startsWith("tool answers") || key.startsWith("answers of")) {
    return "tool";
  }
  if (key.startsWith("messages of")) {
    return "agent";
  }
  if (key.startsWith("harness")) {
    return "harness";
  }
  if (key === "compaction summaries") {
    return "compaction";
  }
  if (key.startsWith("instructions") || key.startsWith("output format")) {
    return "instructions";
  }
  if (key === "from before the recording") {
    return "before";
  }
  return key === "person" ? "person" : "lost";
}

/** The largest sources, at most `most` of them; `class` is the width of their columns. */
export function RentRows({ class: look, most }: { readonly class: "rent" | "wide-rent"; readonly most: number }): JSX.Element {
  const rows = usePage().trace.review?.blame.rows.slice(0, most) ?? [];
  const largest = rows[0]?.rent_tokens_estimate || 1;
  return (
    <ul class={`table-rows ${look}`}>
      {rows.map((row) => {
        const of = sourceClass(row.key);
        return (
          <li key={row.key}>
            <Letter of={of} />
            <span class="cut" title={oneLine(row.key)}>{oneLine(row.key, 60)}</span>
            <span class="bar"><span class={`of-${of}`} style={{ width: `${(100 * row.rent_tokens_estimate) / largest}%` }} /></span>
            <span class="number">~{short(row.rent_tokens_estimate)}</span>
            <span class="number">{percentExact(row.share)}</span>
          </li>
        );
      })}
    </ul>
  );
}
