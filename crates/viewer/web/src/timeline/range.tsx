import type { JSX } from "preact";
import type { Trace } from "../data/trace";
import type { Axis } from "../pure/axis";
import { duration, short, whole, words } from "../pure/format";

/** A marked stretch of the axis; it may have been marked from right to left. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The sums of a marked range. */
export function RangeSums({ trace, axis, range, close }: { readonly trace: Trace; readonly axis: Axis; readonly range: Range; readonly close: () => void }): JSX.Element {
  const [from, to] = [Math.min(range.from, range.to), Math.max(range.from, range.to)];
  const { spans } = trace;
  const within = (start: number, seq: number) => {
    const at = axis.place(start, seq);
    return at >= from && at <= to;
  };
  const requests = spans.requests.start.flatMap((start, row) => (within(start, spans.requests.startSeq[row]!) ? [row] : []));
  const calls = spans.calls.start.reduce((sum, start, row) => sum + (within(start, spans.calls.startSeq[row]!) ? 1 : 0), 0);
  const input = requests.reduce((sum, row) => sum + (spans.requests.input[row] ?? 0), 0);
  const output = requests.reduce((sum, row) => sum + (spans.requests.output[row] ?? 0), 0);
  const byClass = new Map<string, number>();
  if (axis.kind === "time") {
    for (const [at, start] of spans.path.start.entries()) {
      const begin = Math.max(from, axis.place(start, null));
      const end = Math.min(to, axis.place(start + spans.path.ms[at]!, null));
      if (end > begin) {
        const share = (end - begin) / Math.max(1e-9, axis.place(start + spans.path.ms[at]!, null) - axis.place(start, null));
        const name = spans.path.class[at]!;
        byClass.set(name, (byClass.get(name) ?? 0) + share * spans.path.ms[at]!);
      }
    }
  }
  return (
    <div class="range-sums" role="status">
      <b>{axis.say(from)} to {axis.say(to)}</b>
      <span>{whole(requests.length)} requests · {whole(calls)} tools · {short(input)} tokens in, {short(output)} out</span>
      {byClass.size === 0 ? null : <span>critical path: {[...byClass].sort((a, b) => b[1] - a[1]).map(([name, ms]) => `${words(name)} ${duration(ms)}`).join(" · ")}</span>}
      <button type="button" class="more" onClick={close}>close</button>
    </div>
  );
}
