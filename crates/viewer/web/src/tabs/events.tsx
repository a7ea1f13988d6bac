/** The raw log, with damage in its place. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PayloadName, RawEventText } from "../api";
import { numbers, strings } from "../data/columns";
import { agentName } from "../data/names";
import type { Source } from "../data/source";
import { Payload } from "../panels/parts";
import { duration, whole, words } from "../pure/format";
import { cutStart, oneLine } from "../pure/text";
import { Code } from "../ui/code";
import { usePage } from "../ui/page";
import { type Goal, VirtualList } from "../ui/virtual";

/** How many rows one call fetches. */
const PIECE = 20_000;

interface EventRow {
  readonly row: number;
  readonly seq: number | null;
  readonly at: number | null;
  readonly kind: string;
  readonly agent: number | null;
  readonly payload: PayloadName | null;
  readonly payloads: number;
  readonly line: number | null;
  readonly damage: string | null;
}

async function fetchEvents(source: Source, known: readonly EventRow[], add: (rows: EventRow[]) => boolean): Promise<void> {
  let from = known.length;
  for (;;) {
    const piece = await source.events(from, from + PIECE);
    const [seq, at, agent, line] = [numbers(piece.seq), numbers(piece.at), numbers(piece.agent), numbers(piece.line)];
    const kind = strings(piece.kind);
    const rows = seq.map((number, row): EventRow => ({
      row: piece.from + row, seq: number, at: at[row] ?? null, kind: kind[row] ?? "unknown", agent: agent[row] ?? null,
      payload: piece.payload[row] ?? null, payloads: piece.payloads[row] ?? 0, line: line[row] ?? null,
      damage: piece.damage[`${row}`] ?? null,
    }));
    from = piece.from + rows.length;
    if (!add(rows) || rows.length === 0 || from >= piece.rows) {
      return;
    }
  }
}

export function Events(): JSX.Element {
  const page = usePage();
  const { source, trace, address, go } = page;
  const [rows, setRows] = useState<readonly EventRow[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [filter, setFilter] = useState(address.more["filter"] ?? "");
  const asked = address.more["seq"] === undefined ? null : Number(address.more["seq"]);
  const held = useRef(rows);
  held.current = rows;
  useEffect(() => {
    let gone = false;
    fetchEvents(source, held.current, (more) => {
      if (!gone) {
        held.current = [...held.current, ...more];
        setRows(held.current);
      }
      return !gone;
    }).catch((error: unknown) => gone || setProblem(error instanceof Error ? error.message : String(error)));
    return () => {
      gone = true;
    };
  }, [source, trace.about.events]);
  const shown = useMemo(() => {
    const terms = filter.toLowerCase().split(/\s+/).filter((term) => term !== "");
    if (terms.length === 0) {
      return rows;
    }
    return rows.filter((row) => {
      const text = `${row.kind} ${agentName(trace, row.agent)} #${row.seq ?? ""} ${row.damage ?? ""}`.toLowerCase();
      return terms.every((term) => text.includes(term));
    });
  }, [rows, filter, trace]);
  const goal = useMemo((): Goal | null => {
    if (asked === null) {
      return null;
    }
    const row = shown.findIndex(({ seq }) => seq === asked);
    return row < 0 ? null : { row, ask: asked };
  }, [asked, shown]);
  if (problem !== null) {
    return <div class="scroll empty-tab" tabIndex={0}>{problem}</div>;
  }
  return (
    <div class="table-tab">
      <div class="tab-filter">
        <input
          type="search" value={filter} placeholder="Filter by type, agent, #seq or damage" aria-label="Filter events"
          onInput={(event) => setFilter(event.currentTarget.value)}
          onChange={() => go({ more: { ...address.more, filter } }, true)}
        />
        <span class="sub">{filter === "" ? whole(rows.length) : `${whole(shown.length)} of ${whole(rows.length)}`} events{rows.length < trace.about.events ? ", reading more …" : ""}</span>
      </div>
      <div class="event-grid table-head"><span class="number">seq</span><span class="number">time</span><span>type</span><span>agent</span><span class="number">payloads</span></div>
      {shown.length === 0 && rows.length > 0 ? <p class="table-note">No event fits “{oneLine(filter, 60)}”.</p> : null}
      <VirtualList
        rows={shown}
        keyOf={({ row }) => `e${row}`}
        estimate={() => 24}
        goal={goal}
        label="Events"
        render={(row) => <EventLine row={row} open={asked !== null && row.seq === asked} />}
      />
    </div>
  );
}

function EventLine({ row, open }: { readonly row: EventRow; readonly open: boolean }): JSX.Element {
  const page = usePage();
  const { trace, address, go } = page;
  if (row.damage !== null) {
    return (
      <div class="event-grid table-row hatched event-damage">
        <span class="number">{row.seq ?? ""}</span><span class="number">{row.at === null ? "" : duration(row.at)}</span>
        <span class="damage bad">{row.line === null ? "" : `line ${row.line}: `}{oneLine(row.damage, 300)}</span>
      </div>
    );
  }
  const toggle = (event: MouseEvent) => {
    event.preventDefault();
    const { seq: _, ...more } = address.more;
    go({ more: open ? more : { ...more, seq: `${row.seq}` } });
  };
  return (
    <div class={open ? "event is-selected" : "event"}>
      <a class="event-grid table-row" href={`#tab=events&seq=${row.seq}`} onClick={toggle} aria-expanded={open}>
        <span class="number lesser">#{row.seq}</span>
        <span class="number">{row.at === null ? "" : duration(row.at)}</span>
        <span class="cut">{words(oneLine(row.kind, 60))}</span>
        <span class="cut">{row.agent === null ? "" : cutStart(oneLine(agentName(trace, row.agent)), 28)}</span>
        <span class="number">{row.payloads === 0 ? "" : row.payloads === 1 && typeof row.payload === "number" ? `payload ${row.payload}` : whole(row.payloads)}</span>
      </a>
      {open && row.seq !== null ? <EventText seq={row.seq} /> : null}
    </div>
  );
}

function EventText({ seq }: { readonly seq: number }): JSX.Element {
  const { source } = usePage();
  const [text, setText] = useState<RawEventText | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    source.event(seq).then(setText, (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
  }, [source, seq]);
  if (problem !== null) {
    return <p class="hint event-text">{problem}</p>;
  }
  if (text === null) {
    return <p class="hint event-text">…</p>;
  }
  return (
    <div class="event-text">
      <pre><Code text={text.text.slice(0, 20_000)} language="json" /></pre>
      {text.payloads.map((payload) => <Payload id={payload} word="payload" key={`${payload}`} />)}
    </div>
  );
}
