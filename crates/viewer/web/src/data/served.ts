import type { ApiError, Texts } from "../api";
import type { Answers, Source } from "./source";
import { SourceError, plainSelector } from "./source";

const LOST = "The program that served this page does not answer. Start it again with `rollout-trace view`.";

async function ask(call: string, parameters: Readonly<Record<string, string>>): Promise<Response> {
  const search = new URLSearchParams(parameters);
  const rollout = new URLSearchParams(location.search).get("rollout");
  if (rollout !== null) {
    search.set("rollout", rollout);
  }
  let response: Response;
  try {
    response = await fetch(`/api/${call}?${search}`, { credentials: "same-origin" });
  } catch {
    throw new SourceError("the connection is lost", LOST);
  }
  if (!response.ok) {
    const said = (await response.json().catch(() => null)) as ApiError | null;
    throw new SourceError(said?.error ?? `the program answered ${response.status}`, said?.hint ?? "");
  }
  return response;
}

async function json<T>(call: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  return (await (await ask(call, parameters)).json()) as T;
}

/** The data of a page that `rollout-trace view` serves. */
export const served: Source = {
  form: "served",
  rollouts: () => json("rollouts"),
  overview: () => json("overview"),
  spans: () => json("spans"),
  items: () => json("items"),
  labels: () => json("labels"),
  review: () => json("review"),
  changes: () => json("changes"),
  causes: () => json("causes"),
  texts: async (of, limit) =>
    (await json<Texts>("texts", { of: of.map(plainSelector).join(","), limit: `${limit}` })).texts,
  answer: <Question extends keyof Answers>(question: Question, parameters = {}) =>
    json<Answers[Question]>("answer", { question, ...parameters }),
  events: (from, to) => json("events", { from: `${from}`, to: `${to}` }),
  event: (seq) => json("event", { seq: `${seq}` }),
  async payload(id, from, limit) {
    const response = await ask("payload", { id: `${id}`, from: `${from}`, limit: `${limit}` });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { bytes, whole: Number(response.headers.get("X-Payload-Bytes") ?? bytes.length) };
  },
  image: async (payload, place) => (await ask("image", { id: `${payload}`, n: `${place}` })).blob(),
  select: (selector) => json("select", { at: selector }),
  allTexts: () => null,
  leftOut: async () => [],
};
