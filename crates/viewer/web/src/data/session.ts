/** What a page shows of one rollout: taken from the source, and kept up with while the rollout grows. */
import type { Grown, Overview, Spans, Thing } from "../api";
import { wholeNumbers } from "./columns";
import { type Columns, grow } from "./grow";
import type { Source } from "./source";
import { CELL, ITEM, OPERATION, Trace } from "./trace";

/** Whether news come, the connection is lost for now or for good, or the rollout has ended while the page was open. */
export type LiveState = "live" | "lost" | "gone" | "ended";

/** How many times as long as drawing took the page rests before it draws news again. */
const REST = 9;

export class Session {
  readonly #source: Source;
  readonly #draw: (session: Session) => void;
  trace: Trace | null = null;
  /** Grows with everything that arrives. */
  version = 0;
  live: LiveState | null = null;
  /** The things whose texts may have changed with the last version; `null` if any may. */
  changed: readonly Thing[] | null = [];
  #overview: Overview | null = null;
  #columns: Columns | null = null;
  #pending: Grown[] = [];
  #loading = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restedAt = 0;

  constructor(source: Source, draw: (session: Session) => void) {
    this.#source = source;
    this.#draw = draw;
  }

  /** Takes everything. Returns the overview, which says if nothing else is shown. */
  async load(): Promise<Overview> {
    if (this.#loading) {
      this.#again = true;
      return this.#overview!;
    }
    this.#loading = true;
    try {
      do {
        this.#again = false;
        this.#overview = await this.#take();
      } while (this.#again);
    } finally {
      this.#loading = false;
    }
    this.#schedule();
    return this.#overview;
  }

  /** Header and timeline first; the rest follows in the order in which it is looked at. */
  async #take(): Promise<Overview> {
    // What is taken now has what these say.
    this.#pending = [];
    const source = this.#source;
    const [overview, spans] = await Promise.all([source.overview(), source.spans().catch((error: unknown) => error)]);
    const { refused, rollout } = overview;
    if (refused !== null || rollout === null) {
      return overview;
    }
    if (spans instanceof Error) {
      throw spans;
    }
    const trace = new Trace(overview, rollout, spans as Spans);
    if (this.trace === null) {
      this.#show(trace, []);
    }
    const [items, labels] = await Promise.all([source.items(), source.labels()]);
    trace.setItems(items);
    trace.setLabels(labels);
    // Until they are here, those of before are nearly right.
    trace.keepFrom(this.trace);
    this.#columns = { about: rollout, spans: spans as Spans, items, labels };
    this.#show(trace, null);
    trace.review = await source.review();
    this.#show(trace, []);
    const [changes, causes] = await Promise.all([source.changes(), source.causes()]);
    trace.setChanges(changes);
    trace.setCauses(causes);
    this.#show(trace, []);
    return overview;
  }

  #show(trace: Trace, changed: readonly Thing[] | null): void {
    this.trace = trace;
    this.changed = changed;
    this.version += 1;
    this.#draw(this);
  }

  /** Listens to what is new. Resolves when the program listens to this page, or does not. */
  follow(rollout: string | null): Promise<void> {
    return new Promise((resolve) => {
      const events = new EventSource(`/api/follow${rollout === null ? "" : `?${new URLSearchParams({ rollout })}`}`);
      let wasOpen = false;
      events.onopen = () => {
        this.#setLive("live");
        if (wasOpen) {
          // Nobody knows what came meanwhile.
          this.#reload();
        }
        wasOpen = true;
        resolve();
      };
      events.onerror = () => {
        // A program that was started again does not know this page.
        this.#setLive(events.readyState === EventSource.CLOSED ? "gone" : "lost");
        resolve();
      };
      events.addEventListener("grown", (event: MessageEvent<string>) => {
        this.#pending.push(JSON.parse(event.data) as Grown);
        this.#schedule();
      });
      events.addEventListener("anew", () => this.#reload());
      events.addEventListener("ended", () => {
        events.close();
        // A rollout that had ended before is just shown.
        this.#setLive(this.trace?.about.is_followed === true || this.#loading ? "ended" : null);
        if (this.trace !== null || this.#loading) {
          this.#reload();
        }
      });
    });
  }

  #setLive(live: LiveState | null): void {
    this.live = live;
    if (this.trace !== null) {
      this.#show(this.trace, []);
    }
  }

  #reload(): void {
    // If the connection breaks off, everything is taken when it is there again.
    this.load().catch(() => this.#setLive("lost"));
  }

  #schedule(): void {
    if (this.#pending.length > 0 && !this.#loading && this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#apply(), Math.max(0, this.#restedAt - performance.now()));
    }
  }

  #apply(): void {
    this.#timer = undefined;
    if (this.#loading || this.#columns === null || this.#overview === null) {
      return;
    }
    const start = performance.now();
    const news = this.#pending;
    this.#pending = [];
    const columns = news.reduce(grow, this.#columns);
    this.#columns = columns;
    const trace = new Trace(this.#overview, columns.about, columns.spans);
    trace.setItems(columns.items);
    trace.setLabels(columns.labels);
    trace.keepFrom(this.trace);
    this.#show(trace, news.flatMap(thingsWithTexts));
    const end = performance.now();
    this.#restedAt = end + (end - start) * REST;
    this.#schedule();
  }
}

function thingsWithTexts(grown: Grown): Thing[] {
  const of = (kind: Thing[0], numbers: readonly number[]) => numbers.map((number): Thing => [kind, number]);
  return [
    ...of(ITEM, wholeNumbers(grown.items.number)),
    ...of(CELL, wholeNumbers(grown.rows.cells)),
    ...of(OPERATION, wholeNumbers(grown.rows.operations)),
  ];
}
