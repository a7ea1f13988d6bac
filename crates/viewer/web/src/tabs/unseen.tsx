/** What happened and was shown to no model, the largest first. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Thing, UnseenRow } from "../api";
import { thingOf } from "../data/names";
import { whole, words } from "../pure/format";
import { oneLine } from "../pure/text";
import { useAnswer } from "../panels/answer";
import { Certainty, Link, Seq } from "../ui/bits";
import { usePage } from "../ui/page";
import { VirtualList } from "../ui/virtual";

export function Unseen(): JSX.Element {
  const { source, trace, version } = usePage();
  const { answer, problem } = useAnswer(() => source.answer("unseen"), `${trace.about.is_followed ? version : 0}`);
  const rows = useMemo(
    () => (answer === null ? [] : answer.rows.map((row, at) => ({ row, at })).sort((a, b) => size(b.row) - size(a.row) || a.at - b.at)),
    [answer],
  );
  if (problem !== null) {
    return <div class="scroll empty-tab" tabIndex={0}>{problem}</div>;
  }
  if (answer === null) {
    return <div class="scroll empty-tab" tabIndex={0}>Looking for what no model saw …</div>;
  }
  if (rows.length === 0) {
    return <div class="scroll empty-tab" tabIndex={0}>Everything that happened was shown to a model.</div>;
  }
  const most = Math.max(1, ...rows.map(({ row }) => size(row)));
  return (
    <div class="table-tab">
      <div class="unseen-grid table-head">
        <span>what the model did not see</span><span>where</span><span /><span class="number">bytes</span><span class="number">event</span>
      </div>
      <VirtualList
        rows={rows}
        keyOf={({ at }) => `u${at}`}
        estimate={() => 25}
        goal={null}
        label="What no model saw"
        render={({ row }) => <UnseenLine row={row} most={most} />}
      />
    </div>
  );
}

function size(row: UnseenRow): number {
  // What is sealed was shown; it is only this reader who can't see it.
  return row.code === "sealed_from_reader" ? -1 : (row.bytes ?? 0);
}

function UnseenLine({ row, most }: { readonly row: UnseenRow; readonly most: number }): JSX.Element {
  const { trace } = usePage();
  const thing = row.ids.map((id) => thingOf(trace, id)).find((found): found is Thing => found !== null);
  return (
    <div class="unseen-grid table-row">
      <span>{words(row.code)}<Certainty is={row.certainty} /></span>
      <span class="cut">
        {thing === undefined ? oneLine(row.ids[0] ?? "", 60) : <Link to={thing} most={70} />} <span class="sub">{oneLine(row.note, 160)}</span>
      </span>
      <span class="bytes-bar" aria-hidden="true">
        {row.of_bytes == null ? null : <span class="of-whole" style={{ width: `${Math.min(100, (100 * row.of_bytes) / most)}%` }} />}
        {row.code === "sealed_from_reader" ? null : <span class="of-part" style={{ width: `${Math.min(100, (100 * (row.bytes ?? 0)) / most)}%` }} />}
      </span>
      <span class="number">{row.bytes === null ? "?" : whole(row.bytes)}{row.of_bytes == null ? "" : <span class="lesser"> of {whole(row.of_bytes)}</span>}</span>
      <span class="number"><Seq seq={row.seq} /></span>
    </div>
  );
}
