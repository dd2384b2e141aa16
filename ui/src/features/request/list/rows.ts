import type { Summary } from "../../../api/client";

export const REPAINT_MS = 33;

/** Requests as a list shows them, wherever they come from: outside React, repainted at most thirty times a second. */
export abstract class Rows {
  /** Grows with every change that a view may have to show. */
  version = 0;
  loaded = false;
  /** New requests above a scrolled list; the view shows them on demand. */
  unseen = 0;
  protected following = true;
  /** When the view was last repainted. */
  paintedAt = 0;
  #listeners = new Set<() => void>();
  #timer: number | undefined;
  #painted = 0;

  abstract readonly length: number;
  /** The request at a place, newest first; undefined while it is being read. */
  abstract at(index: number): Summary | undefined;
  abstract indexOf(id: string): number;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  end(): void {
    clearTimeout(this.#timer);
  }

  /** Sets whether new requests show at once. */
  follow(following: boolean): void {
    this.following = following;
    if (following && this.unseen > 0) {
      this.unseen = 0;
      this.changed();
    }
  }

  /** Tells the view: at once after a quiet moment, else when the time to repaint has come. */
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
