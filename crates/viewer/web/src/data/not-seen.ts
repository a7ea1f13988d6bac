/** What happened and reached no model, at its place in a conversation. */
import type { Certainty, Unseen, UnseenCode } from "../api";
import { thingOf } from "./names";
import { shownAs } from "./rows";
import { ITEM, OPERATION, type Trace } from "./trace";

export interface NotSeen {
  readonly code: UnseenCode;
  readonly bytes: number | null;
  /** Of how many bytes. */
  readonly of: number | null;
  readonly certainty: Certainty;
  readonly note: string;
  /** The operation whose output it is part of. */
  readonly operation: number | null;
}

/** What was shown to a model at first, or is sealed, is no gap in a conversation. */
const WAS_SHOWN: ReadonlySet<UnseenCode> = new Set(["dropped_by_compaction", "trimmed_later", "dropped_unrecorded", "sealed_from_reader"]);

/** By item: what belongs under it and was not seen. */
export function notSeenByItem(trace: Trace, unseen: Unseen): ReadonlyMap<number, readonly NotSeen[]> {
  const places = new Map<number, NotSeen[]>();
  for (const row of unseen.rows) {
    if (WAS_SHOWN.has(row.code)) {
      continue;
    }
    const things = row.ids.map((id) => thingOf(trace, id)).filter((thing) => thing !== null);
    const place = things.flatMap((thing) => shownAs(trace, thing)).find(([kind]) => kind === ITEM);
    if (place !== undefined) {
      const { code, bytes, certainty, note } = row;
      const operation = things.find(([kind]) => kind === OPERATION)?.[1] ?? null;
      places.set(place[1], [...(places.get(place[1]) ?? []), { code, bytes, of: row.of_bytes ?? null, certainty, note, operation }]);
    }
  }
  return places;
}
