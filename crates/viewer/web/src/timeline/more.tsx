import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Thing } from "../api";
import { counted } from "../pure/format";
import { Link } from "../ui/bits";

/** How many bars are listed. */
const MOST = 40;

export interface MoreThings {
  readonly x: number;
  readonly y: number;
  readonly things: readonly Thing[];
}

/** The bars of the area at one place, as links. */
export function MoreList({ more, close }: { readonly more: MoreThings; readonly close: () => void }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.focus();
    const outside = (event: PointerEvent) => {
      if (!list.current?.contains(event.target as Node)) {
        close();
      }
    };
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      }
    };
    addEventListener("pointerdown", outside, true);
    addEventListener("keydown", press, true);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("keydown", press, true);
    };
  }, [close]);
  const { things } = more;
  return (
    <div
      class="more-list scroll" ref={list} tabIndex={0} role="dialog" aria-label="What runs at this place"
      style={{ left: `${Math.max(8, Math.min(more.x, innerWidth - 348))}px`, top: `${Math.max(8, Math.min(more.y + 8, innerHeight - 308))}px` }}
    >
      <h3>{counted(things.length, "tool")} without a lane of {things.length === 1 ? "its" : "their"} own</h3>
      <ul class="lines">
        {things.slice(0, MOST).map((thing) => <li class="no-icon" key={thing.join(":")}><span class="cut"><Link to={thing} most={70} /></span></li>)}
      </ul>
      {things.length > MOST ? <p class="sub">and {counted(things.length - MOST, "more", "more")}; zoom in to tell them apart</p> : null}
    </div>
  );
}
