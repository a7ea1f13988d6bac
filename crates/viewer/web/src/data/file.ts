import type { Events, LeftOut, Overview, PayloadName, Text, Texts, Thing } from "../api";
import { counted } from "../pure/format";
import type { Answers, Source } from "./source";
import { SourceError, plainSelector } from "./source";

/** Whether this page is one file that holds its data. */
export function isFile(): boolean {
  return document.getElementById("data-rollouts") !== null;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const method = (Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (method !== undefined) {
    return method.call(Uint8Array, text);
  }
  const binary = atob(text);
  return Uint8Array.from({ length: binary.length }, (_, at) => binary.charCodeAt(at));
}

const parsed = new Promise<void>((resolve) => {
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => resolve(), { once: true });
  } else {
    resolve();
  }
});

const read = new Map<string, Promise<unknown>>();

/** Reads an element with data once, and removes it: it is large. */
function data<T>(name: string): Promise<T> {
  let known = read.get(name) as Promise<T> | undefined;
  if (known === undefined) {
    known = load<T>(name);
    read.set(name, known);
  }
  return known;
}

async function load<T>(name: string): Promise<T> {
  if (document.getElementById(`data-${name}`) === null) {
    await parsed;
  }
  const element = document.getElementById(`data-${name}`);
  if (element === null) {
    throw new SourceError(`this file lacks ${name}`, "It may be cut off. Write it anew with `rollout-trace view BUNDLE -o FILE`.");
  }
  const bytes = fromBase64((element.textContent ?? "").trim());
  element.remove();
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(plain).json()) as T;
}

const encoder = new TextEncoder();

function cutParts(text: Text, limit: number): Text {
  return {
    of: text.of,
    parts: text.parts.map((part) => {
      if (part.text.length * 3 <= limit || encoder.encode(part.text).length <= limit) {
        return part;
      }
      const room = new Uint8Array(limit);
      const { read: characters } = encoder.encodeInto(part.text, room);
      return { ...part, text: part.text.slice(0, characters) };
    }),
  };
}

let byThing: Promise<Map<string, Text>> | undefined;

function textsByThing(): Promise<Map<string, Text>> {
  byThing ??= data<Texts>("texts").then(
    ({ texts }) => new Map(texts.map((text) => [plainSelector(text.of), text])),
  );
  return byThing;
}

async function payloadBytes(id: PayloadName): Promise<Uint8Array<ArrayBuffer>> {
  const payloads = await data<Record<string, string>>("payloads");
  const text = payloads[`${id}`];
  if (text === undefined) {
    const name = typeof id === "number" ? `payload:${id}` : id;
    throw new SourceError("this file does not hold the payload", `\`rollout-trace payload BUNDLE ${name}\` prints it.`);
  }
  return encoder.encode(text);
}

/** The data of a page that is one file. */
export const file: Source = {
  form: "file",
  rollouts: () => data("rollouts"),
  overview: () => data("overview"),
  spans: () => data("spans"),
  items: () => data("items"),
  labels: () => data("labels"),
  review: () => data("review"),
  changes: () => data("changes"),
  causes: () => data("causes"),
  async texts(of: readonly Thing[], limit: number) {
    const texts = await textsByThing();
    return of.map((thing) => {
      const text = texts.get(plainSelector(thing));
      return text === undefined ? { of: thing, parts: [] } : cutParts(text, limit);
    });
  },
  async answer<Question extends keyof Answers>(question: Question, parameters: Readonly<Record<string, string>> = {}) {
    const answers = await data<Record<string, Answers[Question]>>("answers");
    const query = Object.entries({ question, ...parameters }).sort(([a], [b]) => (a < b ? -1 : 1));
    const answer = answers[query.map(([name, value]) => `${name}=${value}`).join("&")];
    if (answer === undefined) {
      throw new SourceError("this file does not hold that answer", `\`rollout-trace ${question} BUNDLE\` gives it.`);
    }
    return answer;
  },
  // The file holds all rows as one piece; pages of it are cut where they are shown.
  events: () => data<Events>("events"),
  event: () => Promise.reject(new SourceError("this file does not hold raw events", "They are in trace.jsonl of the bundle.")),
  async payload(id, from, limit) {
    const bytes = await payloadBytes(id);
    return { bytes: bytes.slice(from, from + limit), whole: bytes.length };
  },
  image: () => Promise.reject(new SourceError("this file does not hold images", "`rollout-trace view BUNDLE` shows them.")),
  select: async (selector) => {
    const { rollout } = await data<Overview>("overview");
    const instead = rollout === null ? "" : `: it has ${counted(rollout.stats.model_calls, "request")}, ${counted(rollout.stats.turns, "turn")} and items up to [${rollout.last_item}]`;
    return { selector, thing: null, candidates: [], problem: `nothing in this file is named ${selector}${instead}` };
  },
  allTexts: async () => (await data<Texts>("texts")).texts,
  leftOut: () => data<LeftOut[]>("left_out"),
};
