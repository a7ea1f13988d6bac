/** Where the page's data comes from. Both forms of the page, served and one file, implement this and nothing more. */
import type {
  Blame, Causes, Context, ContextDiff, Diff, Events, Grep, Items, Labels, LeftOut, Overview, PayloadName, RawEventText,
  RequestChanges, Review, Rollouts, Selected, Spans, Text, Thing, Unseen,
} from "../api";
import { KINDS } from "../api";

/** The questions that the page asks, with the answers' types. */
export interface Answers {
  readonly blame: Blame;
  readonly context: Context;
  readonly "context-diff": ContextDiff;
  readonly diff: Diff;
  readonly grep: Grep;
  readonly unseen: Unseen;
}

export interface PayloadBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The length of the whole payload. */
  readonly whole: number;
}

export interface Source {
  readonly form: "served" | "file";
  rollouts(): Promise<Rollouts>;
  overview(): Promise<Overview>;
  spans(): Promise<Spans>;
  items(): Promise<Items>;
  labels(): Promise<Labels>;
  review(): Promise<Review>;
  changes(): Promise<RequestChanges>;
  causes(): Promise<Causes>;
  /** The beginnings of texts, `limit` bytes of each part, in the order of the things. */
  texts(of: readonly Thing[], limit: number): Promise<readonly Text[]>;
  answer<Question extends keyof Answers>(
    question: Question,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<Answers[Question]>;
  events(from: number, to: number): Promise<Events>;
  event(seq: number): Promise<RawEventText>;
  payload(id: PayloadName, from: number, limit: number): Promise<PayloadBytes>;
  image(payload: PayloadName, place: number): Promise<Blob>;
  select(selector: string): Promise<Selected>;
  /** All texts, in the form that is searched by the page; `null` where the program searches. */
  allTexts(): Promise<readonly Text[]> | null;
  /** What this form lacks. */
  leftOut(): Promise<readonly LeftOut[]>;
}

/** Why something cannot be shown: what, and what to do next. */
export class SourceError extends Error {
  readonly hint: string;

  constructor(what: string, hint: string) {
    super(what);
    this.hint = hint;
  }
}

/** A thing as the calls take it: kind and number. */
export function plainSelector([kind, number]: Thing): string {
  return `${KINDS[kind]}:${number}`;
}
