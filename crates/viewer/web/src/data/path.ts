import type { Thing } from "../api";
import type { CauseHop } from "./trace";

interface Forest {
  next(thing: Thing): CauseHop | null;
}

/** Follows the causes of a thing to their root. A circle ends where it closes. */
export function causePath(forest: Forest, thing: Thing): CauseHop[] {
  const path: CauseHop[] = [];
  const seen = new Set([thing.join(":")]);
  let at = thing;
  for (;;) {
    const hop = forest.next(at);
    if (hop === null || seen.has(hop.to.join(":"))) {
      return path;
    }
    path.push(hop);
    seen.add(hop.to.join(":"));
    at = hop.to;
  }
}
