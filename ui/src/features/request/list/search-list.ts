/**
 * The requests that match a query, stored outside React: the newest at once, older ones as the user scrolls, and new
 * or changed ones as they arrive.
 */
import { api, type Summary } from "../../../api/client";
import { feed, type Reading } from "../../../api/feed";
import { CallError, type FeedItem } from "../../../platform";
import { tellReadFailure } from "./read-failure";
import { Rows, type ListedRequest } from "./rows";

const PAGE = 100;
/** Number of rows read ahead of the last accessed row. */
const AHEAD = 50;
/** Maximum number of changed requests that are searched again in one call. With more, the search restarts. */
const LOOK_AGAIN_MAX = 500;
/** Delay that collects changes before they are searched, in ms. */
const LOOK_AGAIN_MS = 60;
const RETRY_MS = 2_000;

export class SearchList extends Rows {
  /** True while the search is running. */
  searching = true;
  /** Error of an invalid query. */
  error: CallError | undefined;
  #items: ListedRequest[] = [];
  #next: string | null | undefined;
  #wanted = PAGE;
  /** Receives the changes after the read that is shown. */
  #following: Reading | undefined;
  #ended = false;
  #touched: string | undefined;
  #due: number | undefined;
  /** Number of the current search. Responses to earlier searches are ignored. */
  #round = 0;
  readonly inbox: string | undefined;
  readonly query: string;

  constructor(inbox: string | undefined, query: string) {
    super();
    this.inbox = inbox;
    this.query = query;
    void this.read();
  }

  override end(): void {
    this.#ended = true;
    this.#following?.stop();
    clearTimeout(this.#due);
    super.end();
  }

  get length(): number {
    return this.#items.length - this.unseen;
  }

  /** True if all stored requests have been searched. */
  get complete(): boolean {
    return this.#next === null;
  }

  /** Time at which the oldest searched request was stored, taken from its id (RFC 9562 §5.7). */
  get lookedTo(): Date | undefined {
    return this.#next ? new Date(parseInt(this.#next.replaceAll("-", "").slice(0, 12), 16)) : undefined;
  }

  override get hasSnippets(): boolean {
    return this.#items.some(({ snippet }) => snippet);
  }

  at(index: number): ListedRequest | undefined {
    if (index + AHEAD >= this.length && this.#wanted <= this.#items.length && this.#next) {
      this.#wanted = this.#items.length + PAGE;
      void this.#more();
    }
    return this.#items[this.unseen + index];
  }

  indexOf(id: string): number {
    return this.#items.findIndex((row) => row.id === id) - this.unseen;
  }

  /** Starts a search at the newest request. The old list stays visible until the first response. */
  async read(): Promise<void> {
    const round = ++this.#round;
    // Changes are buffered from here on, so none is missed between the read and the feed.
    const changes = feed.beginRead();
    try {
      const page = await this.#page({ limit: PAGE });
      if (round !== this.#round || this.#ended) return;
      this.#following?.stop();
      this.#following = changes;
      this.#items = page.items;
      this.#next = page.next ?? null;
      this.#wanted = PAGE;
      this.unseen = 0;
      this.loaded = true;
      this.error = undefined;
      changes.follow(page.seq, { batch: (items) => this.#apply(items), gone: () => void this.read() });
      this.changed();
      await this.#more();
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    } finally {
      if (this.#following !== changes) changes.stop();
    }
  }

  #page(where: { after?: string; from?: string; limit: number }) {
    return api.requests({ inbox: this.inbox, q: this.query, ...where });
  }

  /** Searches older requests, call by call, until there are enough rows. */
  async #more(): Promise<void> {
    const round = this.#round;
    this.searching = true;
    try {
      while (this.#next && this.#items.length < this.#wanted && !this.#ended && round === this.#round) {
        const page = await this.#page({ after: this.#next, limit: PAGE });
        if (round !== this.#round) return;
        this.#items.push(...page.items);
        this.#next = page.next ?? null;
        this.changed();
      }
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    }
    if (round !== this.#round) return;
    this.searching = false;
    this.changed();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.searching = false;
    this.loaded = true;
    if (error instanceof CallError && error.code === "bad_query") {
      this.error = error;
    } else {
      tellReadFailure(error);
      window.setTimeout(() => !this.#ended && void this.read(), RETRY_MS);
    }
    this.changed();
  }

  #apply(items: readonly FeedItem[]): void {
    for (const item of items) {
      switch (item.type) {
        case "request_added":
        case "request_changed":
          this.#touch(item.request);
          break;
        case "requests_deleted":
          if (item.deletion.request) this.#takeOut(item.deletion.request);
          else void this.read();
          break;
        case "requests_restored":
        case "requests_imported":
        case "requests_expired":
          void this.read();
          break;
      }
    }
  }

  /** Schedules a search of a new or changed request. Requests older than the searched range are found later. */
  #touch({ id, inbox }: Summary): void {
    if (this.inbox && inbox !== this.inbox) return;
    if (this.#next && id < this.#next) return;
    if (!this.#touched || id < this.#touched) this.#touched = id;
    this.#due ??= window.setTimeout(() => void this.#lookAgain(), LOOK_AGAIN_MS);
  }

  #takeOut(id: string): void {
    const at = this.#items.findIndex((row) => row.id === id);
    if (at < 0) return;
    this.#items.splice(at, 1);
    if (at < this.unseen) this.unseen--;
    this.changed();
  }

  /** Searches again from the oldest changed request on. */
  async #lookAgain(): Promise<void> {
    this.#due = undefined;
    const from = this.#touched;
    this.#touched = undefined;
    if (!from || this.#ended) return;
    const round = this.#round;
    try {
      const page = await this.#page({ from, limit: LOOK_AGAIN_MAX });
      if (round !== this.#round || this.#ended) return;
      if (page.next) return void this.read();
      const kept = this.#items.filter((row) => row.id < from);
      const before = this.#items.length - kept.length;
      this.#items = [...page.items, ...kept];
      if (!this.following) this.unseen = Math.max(0, this.unseen + page.items.length - before);
      this.changed();
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    }
  }
}
