/** A border that a person moves: with the pointer, or with the arrow keys. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly direction: "rows" | "columns";
  /** The property of the page that holds the size in pixels. */
  readonly property: string;
  /** The element whose size it is. */
  readonly of: string;
  readonly least: number;
  readonly toggle?: () => void;
}

export function Splitter({ label, direction, property, of, least, toggle }: Props): JSX.Element {
  const rows = direction === "rows";
  const size = () => {
    const box = document.querySelector(of)?.getBoundingClientRect();
    return box === undefined ? least : rows ? box.height : box.width;
  };
  const handle = useRef<HTMLDivElement>(null);
  // Measured once things are in place, not while they are drawn: that would lay out the page twice.
  const tell = () => handle.current?.setAttribute("aria-valuenow", `${Math.round(size())}`);
  useEffect(() => {
    tell();
    addEventListener("resize", tell);
    return () => removeEventListener("resize", tell);
  }, []);
  const set = (pixels: number) => {
    const most = (rows ? innerHeight : innerWidth) * 0.7;
    document.documentElement.style.setProperty(property, `${Math.round(Math.max(least, Math.min(most, pixels)))}px`);
    dispatchEvent(new Event("resize"));
  };
  const onPointerDown = (event: PointerEvent) => {
    const element = event.currentTarget as HTMLElement;
    const start = rows ? event.clientY : event.clientX;
    const before = size();
    const move = (next: PointerEvent) => set(before + (rows ? next.clientY - start : start - next.clientX));
    const up = () => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
    };
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowUp: -16, ArrowDown: 16, ArrowLeft: 16, ArrowRight: -16 }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      set(size() + by);
    } else if (event.key === "Enter" && toggle !== undefined) {
      toggle();
    }
  };
  return (
    <div
      ref={handle}
      class={`splitter ${direction}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={rows ? "horizontal" : "vertical"}
      aria-valuenow={least}
      aria-valuemin={least}
      title={toggle === undefined ? label : `${label}; double click shows the minimap alone`}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
      onDblClick={toggle}
    />
  );
}
