/** The mark of a rollout that is followed while it grows, and the way to its newest request. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { selectorOf } from "../data/names";
import { REQUEST } from "../data/trace";
import { usePage } from "./page";

/** What a person does to look at something else. */
const LOOKS = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

const WORDS = {
  ended: "the rollout has ended",
  lost: "connection lost, trying again",
  gone: "not followed any more: open the link of `rollout-trace view` again",
} as const;

export function LiveMark(): JSX.Element | null {
  const { live, trace, go } = usePage();
  const [follows, setFollows] = useState(false);
  const last = trace.spans.requests.id.length - 1;
  useEffect(() => {
    if (follows && last >= 0) {
      go({ at: selectorOf(trace, [REQUEST, last]) }, true);
    }
  }, [follows, last]);
  useEffect(() => {
    if (!follows) {
      return;
    }
    const pause = (event: Event) => {
      if (!(event.target instanceof Element && event.target.closest(".live") !== null)) {
        setFollows(false);
      }
    };
    for (const name of LOOKS) {
      addEventListener(name, pause, { passive: true, capture: true });
    }
    return () => {
      for (const name of LOOKS) {
        removeEventListener(name, pause, { capture: true });
      }
    };
  }, [follows]);
  useEffect(() => {
    if (live === "ended") {
      setFollows(false);
    }
  }, [live]);
  if (live === null) {
    return null;
  }
  if (live !== "live") {
    return <span class={`chip ${live === "ended" ? "plain" : "warning"}`} role="status">{WORDS[live]}</span>;
  }
  return (
    <button
      type="button"
      class="chip plain live"
      aria-pressed={follows}
      title={follows ? "The page shows each new request; scrolling stops that" : "Show each new request"}
      onClick={() => setFollows(!follows)}
    >
      <span class="live-dot" aria-hidden="true" /> live{follows ? ": following the newest" : ": follow the newest"}
    </button>
  );
}
