import type { SearchSnippet, Summary } from "../../../api/client";

export const REPAINT_MS = 33;

/** A request in a list, with the text that a search found in it. */
export type ListedRequest = Summary & { snippet?: SearchSnippet | null };

/** Base class for lists of requests: stored outside React, repainted at most thirty times per second. */
export abstract class Rows {
  /** Number that grows with every visible change. */
  version = 0;
  loaded = false;
  /** Number of new requests above a scrolled list, which are shown on demand. */
  unseen = 0;
  protected following = true;
  /** Time of the last repaint, in ms since the epoch. */
  paintedAt = 0;
  #listeners = new Set<() => void>();
  #timer: number | undefined;
  #painted = 0;

  /** True if requests have snippets, which need a second line. */
  get hasSnippets(): boolean {
    return false;
  }
  abstract readonly length: number;
  /** Returns the request at an index, newest first. Undefined while it is read. */
  abstract at(index: number): ListedRequest | undefined;
  abstract indexOf(id: string): number;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  end(): void {
    clearTimeout(this.#timer);
  }

  /** Shows new requests at once, or holds them back. */
  follow(following: boolean): void {
    this.following = following;
    if (following && this.unseen > 0) {
      this.unseen = 0;
      this.changed();
    }
  }

  /** Notifies the view, at most once per repaint interval. */
  protected changed(): void {
    this.version++;
    const due = Math.max(0, REPAINT_MS - (performance.now() - this.#painted));
    this.#timer ??= window.setTimeout(() => {
      this.#timer = undefined;
      this.#painted = performance.now();
      this.paintedAt = Date.now();
      this.#listeners.forEach((listener) => listener());
    }, due);
  }
}

/** Returns the id of the next row below a place that is not deleted, else of the next one above. */
export function rowThatStays(list: Rows, at: number, deleted: readonly string[]): string | undefined {
  const gone = new Set(deleted);
  const stays = (id: string | undefined): boolean => id !== undefined && !gone.has(id);
  // Each deleted row is passed at most once in each direction.
  for (const step of [1, -1])
    for (let place = at + step, left = gone.size + 1; left > 0; place += step, left--) {
      const id = place >= 0 && place < list.length ? list.at(place)?.id : undefined;
      if (stays(id)) return id;
    }
  return undefined;
}
