/** Texts, fetched when they come into view: what is asked for in one frame is one call. */
import type { Text, Thing } from "../api";
import { type Source, plainSelector } from "./source";

/** How many bytes of each part are fetched at first. */
export const FIRST_BYTES = 4000;
/** How many things one call names. */
const MOST_THINGS = 200;
/** How many texts are kept. */
const KEPT = 2000;

type Listener = () => void;

export class TextStore {
  readonly #source: Source;
  readonly #known = new Map<string, Text>();
  readonly #wanted = new Map<string, { thing: Thing; listeners: Set<Listener> }>();
  readonly #errors = new Map<string, string>();
  #scheduled = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Returns the text of a thing if it is here. Else it is fetched, and `listener` called. */
  get(thing: Thing, listener: Listener): Text | null {
    const key = plainSelector(thing);
    const text = this.#known.get(key);
    if (text !== undefined) {
      return text;
    }
    const wanted = this.#wanted.get(key);
    if (wanted !== undefined) {
      wanted.listeners.add(listener);
    } else if (!this.#errors.has(key)) {
      this.#wanted.set(key, { thing, listeners: new Set([listener]) });
      this.#schedule();
    }
    return null;
  }

  /** Why a text cannot be shown. */
  error(thing: Thing): string | null {
    return this.#errors.get(plainSelector(thing)) ?? null;
  }

  /** Forgets the texts of things that may have changed; of all if `things` is `null`. */
  forget(things: readonly Thing[] | null): void {
    if (things === null) {
      this.#known.clear();
      this.#errors.clear();
      return;
    }
    for (const key of things.map(plainSelector)) {
      this.#known.delete(key);
      this.#errors.delete(key);
    }
  }

  /** Fetches the whole of one thing, at most `most` bytes of each part. */
  async whole(thing: Thing, most: number): Promise<Text> {
    const [text] = await this.#source.texts([thing], most);
    return text!;
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        void this.#fetch();
      });
    }
  }

  async #fetch(): Promise<void> {
    const all = [...this.#wanted];
    this.#wanted.clear();
    for (let from = 0; from < all.length; from += MOST_THINGS) {
      const batch = all.slice(from, from + MOST_THINGS);
      try {
        const texts = await this.#source.texts(batch.map(([, { thing }]) => thing), FIRST_BYTES);
        if (this.#known.size > KEPT) {
          this.#known.clear();
        }
        for (const [at, [key]] of batch.entries()) {
          this.#known.set(key, texts[at]!);
        }
      } catch (error) {
        for (const [key] of batch) {
          this.#errors.set(key, error instanceof Error ? error.message : String(error));
        }
      }
      for (const [, { listeners }] of batch) {
        for (const listener of listeners) {
          listener();
        }
      }
    }
  }
}
