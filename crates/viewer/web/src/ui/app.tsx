import type { ComponentType, JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Rollouts, Selected, Thing } from "../api";
import { selectorOf, thingOf, wordsOf } from "../data/names";
import type { Source } from "../data/source";
import type { LiveState } from "../data/session";
import { TextStore } from "../data/texts";
import { REQUEST, type Trace } from "../data/trace";
import { OverviewPanel } from "../panels/overview";
import { RequestPanel } from "../panels/request";
import { ThingPanel } from "../panels/things";
import { type Address, type Tab, readAddress, writeAddress } from "../pure/address";
import { oneLine } from "../pure/text";
import { whole } from "../pure/format";
import { Agents } from "../tabs/agents";
import { Compare } from "../tabs/compare";
import { ContextMap } from "../tabs/context";
import { Conversation } from "../tabs/conversation";
import { Events } from "../tabs/events";
import { Search } from "../tabs/search";
import { Unseen } from "../tabs/unseen";
import { Timeline } from "../timeline/timeline";
import { Header } from "./header";
import { Keys } from "./keys";
import { Splitter } from "./splitter";
import { type Page, PageContext, usePage } from "./page";

/** The tabs that the bar shows, in the order of their keys. */
const TAB_BAR: readonly { readonly tab: Tab; readonly word: string; readonly count?: (trace: Trace) => number }[] = [
  { tab: "conversation", word: "Conversation" },
  { tab: "context", word: "Context" },
  { tab: "agents", word: "Agents", count: (trace) => trace.about.agents.length },
  { tab: "unseen", word: "Unseen" },
  { tab: "events", word: "Events", count: (trace) => trace.about.events },
  { tab: "compare", word: "Compare" },
];

const VIEWS: Record<Tab, ComponentType> = {
  conversation: Conversation, context: ContextMap, agents: Agents, unseen: Unseen, events: Events, compare: Compare, search: Search,
};

/** The state of an entry of the history whose address says what was looked at. */
const RESTED = "rested";

function useAddress(): [Address, Page["go"], Page["note"]] {
  const [address, setAddress] = useState(() => readAddress(location.hash));
  useEffect(() => {
    const changed = ({ state }: PopStateEvent) => {
      const next = readAddress(location.hash);
      // The way back leads to the view that was left, also if that was everything. A link keeps the view.
      setAddress(next.view === null && state === RESTED ? { ...next, view: "all" } : next);
    };
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  const go = useCallback((next: Partial<Address>, replace = false) => {
    const before = readAddress(location.hash);
    // Another selection is scrolled to.
    const whole = { ...before, ...(next.at === undefined || next.at === before.at ? {} : { top: null }), ...next };
    const hash = writeAddress(whole);
    if (hash === location.hash || (hash === "#" && location.hash === "")) {
      return;
    }
    if (replace) {
      history.replaceState(null, "", hash);
    } else {
      history.pushState(null, "", hash);
    }
    // The timeline shows already what the address says; only the way back changes it.
    setAddress({ ...whole, view: null });
  }, []);
  const note = useCallback((next: Partial<Address>) => {
    const hash = writeAddress({ ...readAddress(location.hash), ...next });
    history.replaceState(RESTED, "", hash === "#" ? location.pathname + location.search : hash);
  }, []);
  return [address, go, note];
}

/** The thing that the address names. A selector in another form is asked of the program, and replaced by the usual one. */
function useSelected(source: Source, trace: Trace, address: Address, version: number, go: Page["go"]): { thing: Thing | null; problem: Selected | null } {
  const { at } = address;
  const [problem, setProblem] = useState<Selected | null>(null);
  const thing = useMemo(() => (at === null ? null : thingOf(trace, at)), [trace, at, version]);
  useEffect(() => {
    setProblem(null);
    if (at === null || thing !== null) {
      return;
    }
    let gone = false;
    source.select(at).then(
      (selected) => {
        if (gone) {
          return;
        }
        if (selected.thing === null) {
          setProblem(selected);
        } else {
          go({ at: selectorOf(trace, selected.thing) }, true);
        }
      },
      (error: unknown) => gone || setProblem({ selector: at, thing: null, candidates: [], problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      gone = true;
    };
  }, [source, trace, at, thing]);
  return { thing, problem };
}

export function App(props: {
  readonly source: Source;
  readonly trace: Trace;
  readonly rollouts: Rollouts;
  readonly version: number;
  readonly live: LiveState | null;
  /** The things whose texts may have changed with this version; `null` if any may. */
  readonly changed: readonly Thing[] | null;
}): JSX.Element {
  const { source, trace, rollouts, version, live, changed } = props;
  const [address, go, note] = useAddress();
  const texts = useMemo(() => new TextStore(source), [source]);
  useMemo(() => texts.forget(changed), [texts, changed, version]);
  const { thing: selected, problem } = useSelected(source, trace, address, version, go);
  const agent = useAgent(trace, address, selected);
  useEffect(() => {
    document.title = `${selected === null ? "" : `${wordsOf(trace, selected, 60)} · `}${oneLine(trace.name, 60)} · rollout-trace`;
  }, [trace, selected, version]);
  const page: Page = useMemo(
    () => ({ source, rollouts, trace, version, live, texts, address, selected, agent, go, note }),
    [source, rollouts, trace, version, live, texts, address, selected, agent, go, note],
  );
  const View = VIEWS[address.tab];
  const [small, setSmall] = useState(false);
  // In a narrow window the panel is a sheet over the tab.
  const [sheet, setSheet] = useState(false);
  useEffect(() => setSheet(address.at !== null), [address.at]);
  return (
    <PageContext.Provider value={page}>
      <Header />
      <Timeline small={small} />
      <Splitter label="Height of the timeline" direction="rows" property="--timeline-height" of=".timeline" least={62} toggle={() => setSmall((was) => !was)} />
      <div class={sheet ? "below sheet-open" : "below"}>
        <main class="tab">
          <TabBar openSheet={() => setSheet(true)} />
          <div class="tab-view" role="tabpanel" aria-label={address.tab}><View /></div>
        </main>
        <Splitter label="Width of the panel" direction="columns" property="--panel-width" of=".panel" least={260} />
        <Panel problem={problem} close={() => setSheet(false)} />
      </div>
      <Footer />
      <Keys />
    </PageContext.Provider>
  );
}

/** The agent that is shown: that of the selection, else the one that was shown last or asked for. */
function useAgent(trace: Trace, address: Address, selected: Thing | null): number {
  const last = useRef(0);
  const asked = address.more["agent"];
  if (asked !== undefined) {
    const named = thingOf(trace, `agent:${asked}`);
    if (named !== null) {
      last.current = named[1];
    }
  } else if (selected !== null) {
    const of = trace.agentOf(selected);
    if (of !== null) {
      last.current = of;
    }
  }
  return Math.min(last.current, Math.max(0, trace.about.agents.length - 1));
}

function TabBar({ openSheet }: { readonly openSheet: () => void }): JSX.Element {
  const page = usePage();
  const { trace, address, go } = page;
  return (
    <div class="tab-bar">
      <nav class="tabs" aria-label="Views">
        {TAB_BAR.map(({ tab, word, count }) => (
          <a
            key={tab}
            class="tab-link"
            href={writeAddress({ at: address.at, tab })}
            {...(address.tab === tab ? { "aria-current": "page" as const } : {})}
          >
            {word}{count === undefined ? null : <span class="count"> {whole(count(trace))}</span>}
          </a>
        ))}
      </nav>
      <div class="tab-tools">
        {trace.about.agents.length < 2 ? null : (
          <select
            aria-label="Agent"
            value={page.agent}
            onChange={(event) => {
              const agent = trace.about.agents[Number(event.currentTarget.value)]!;
              go({ at: `agent:${agent.name}` });
            }}
          >
            {trace.about.agents.map((agent, at) => <option value={at} key={agent.thread_id}>{oneLine(agent.name, 60)}</option>)}
          </select>
        )}
        <a class="tab-search" href={writeAddress({ at: address.at, tab: "search" })} {...(address.tab === "search" ? { "aria-current": "page" as const } : {})}>search <kbd>/</kbd></a>
        <button type="button" class="tool-button for-sheet" onClick={openSheet}>panel</button>
        <SchemeSwitch />
      </div>
    </div>
  );
}

/** Light, dark, or what the system says. */
function SchemeSwitch(): JSX.Element {
  const next = () => {
    const root = document.documentElement;
    const dark = root.dataset["scheme"] === "dark" || root.dataset["scheme"] === undefined && matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset["scheme"] = dark ? "light" : "dark";
    dispatchEvent(new Event("schemechange"));
  };
  return (
    <button type="button" class="icon-button" aria-label="Light or dark" title="Light or dark" onClick={next}>
      <svg viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5" /><path d="M7 1.75a5.25 5.25 0 0 1 0 10.5z" fill="currentColor" /></svg>
    </button>
  );
}

function Panel({ problem, close }: { readonly problem: Selected | null; readonly close: () => void }): JSX.Element {
  const { selected, trace, address } = usePage();
  const scroll = useRef<HTMLElement>(null);
  useEffect(() => {
    scroll.current?.scrollTo(0, 0);
  }, [address.at]);
  let body: JSX.Element;
  if (problem !== null) {
    body = <Nothing problem={problem} />;
  } else if (selected === null) {
    body = <OverviewPanel />;
  } else if (selected[0] === REQUEST) {
    body = <RequestPanel request={selected[1]} key={selected[1]} />;
  } else {
    body = <ThingPanel thing={selected} key={selected.join(":")} />;
  }
  return (
    <aside class="panel scroll" ref={scroll} tabIndex={0} aria-label={selected === null ? "Overview" : wordsOf(trace, selected, 80)}>
      <button type="button" class="icon-button for-sheet close-sheet" aria-label="Close the panel" onClick={close}>✕</button>
      {body}
    </aside>
  );
}

/** A selector that names nothing: says so, and what there is instead. */
function Nothing({ problem }: { readonly problem: Selected }): JSX.Element {
  const { go } = usePage();
  return (
    <div class="panel-body">
      <div class="panel-head">
        <h2>Nothing is selected</h2>
        <p class="bad">{oneLine(problem.problem ?? `nothing is named ${problem.selector}`, 400)}</p>
      </div>
      {problem.candidates.length === 0 ? null : (
        <section class="section">
          <h3>It could mean</h3>
          <ul class="lines">
            {problem.candidates.map(({ selector }) => (
              <li class="no-icon" key={selector}><a class="link" href={writeAddress({ at: selector })}>{oneLine(selector, 120)}</a></li>
            ))}
          </ul>
        </section>
      )}
      <button type="button" class="more" onClick={() => go({ at: null })}>Show the overview</button>
    </div>
  );
}

function Footer(): JSX.Element {
  const { trace, selected } = usePage();
  return (
    <footer class="footer">
      <span class="footer-what">{selected === null ? "nothing selected" : wordsOf(trace, selected, 140)}</span>
      <span class="footer-keys" aria-hidden="true">
        <kbd>w</kbd><kbd>s</kbd> zoom <kbd>a</kbd><kbd>d</kbd> pan <kbd>[</kbd><kbd>]</kbd> request <kbd>/</kbd> search <kbd>?</kbd> keys
      </span>
    </footer>
  );
}

