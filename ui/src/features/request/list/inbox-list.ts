/**
 * The requests of one inbox, stored outside React: a thousand new requests per second only change an array, and the
 * view repaints at most thirty times per second.
 *
 * The list contains the requests stored at the time of the read (the anchor and all older ones, in pages read on
 * demand) and, above them, the requests that have arrived since. Indexes below the anchor never change.
 */
import { api, type Summary } from "../../../api/client";
import { feed, type Reading } from "../../../api/feed";
import type { FeedItem } from "../../../platform";
import { tellReadFailure } from "./read-failure";
import { REPAINT_MS, Rows } from "./rows";

const PAGE = 100;
/** Delay before a failed read is retried, in ms. */
const RETRY_MS = 2_000;
/** Maximum number of new requests above the anchor. With more, the list is read again. */
const HEAD_MAX = 5_000;
/** Maximum number of cached pages. The pages farthest from the current one are dropped. */
const PAGES_MAX = 60;

interface State {
  anchor: string | null;
  older: number;
  pages: Map<number, Summary[]>;
  /** New requests, newest last. */
  head: Summary[];
}

const empty = (): State => ({ anchor: null, older: 0, pages: new Map(), head: [] });

export class InboxList extends Rows {
  #state = empty();
  #pending = new Set<number>();
  /** The page accessed last. */
  #near = 0;
  /** Receives the changes after the read that is shown. */
  #following: Reading | undefined;
  #ended = false;
  #failed = false;
  #reading = false;
  #again = false;
  readonly inbox: string;

  constructor(inbox: string) {
    super();
    this.inbox = inbox;
    void this.read();
  }

  override end(): void {
    this.#ended = true;
    this.#following?.stop();
    super.end();
  }

  get length(): number {
    return this.#state.head.length - this.unseen + this.#state.older;
  }

  /** Returns the request at an index, newest first. Undefined while its page is read. */
  at(index: number): Summary | undefined {
    const { head, pages } = this.#state;
    const shown = head.length - this.unseen;
    if (index < shown) return head[shown - 1 - index];
    const place = index - shown;
    const page = Math.floor(place / PAGE);
    this.#near = page;
    const row = pages.get(page)?.[place % PAGE];
    if (!row && place < this.#state.older) void this.#readPage(page);
    return row;
  }

  indexOf(id: string): number {
    const { head, pages } = this.#state;
    const shown = head.length - this.unseen;
    for (let i = 0; i < shown; i++) if (head[shown - 1 - i]!.id === id) return i;
    for (const [page, rows] of pages) {
      const within = rows.findIndex((row) => row.id === id);
      if (within >= 0) return shown + page * PAGE + within;
    }
    return -1;
  }

  /** Reads the list again. The old list stays visible until the new one is loaded. */
  async read(): Promise<void> {
    if (this.#ended) return;
    if (this.#reading) {
      // Reads run one at a time. Under a flood of changes, each would otherwise invalidate the previous one.
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#again = false;
    // Changes are buffered from here on, so none is missed between the read and the feed.
    const changes = feed.beginRead();
    const lost = await this.#readNow(changes).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (this.#following !== changes) changes.stop();
    this.#reading = false;
    if (lost !== undefined && !this.#ended) {
      if (!this.#failed) tellReadFailure(lost);
      this.#again = true;
    }
    this.#failed = lost !== undefined;
    if (this.#again && !this.#ended)
      window.setTimeout(() => void this.read(), lost === undefined ? REPAINT_MS : RETRY_MS);
  }

  async #readNow(changes: Reading): Promise<void> {
    const [page, inbox] = await Promise.all([api.requests({ inbox: this.inbox, limit: PAGE }), api.inbox(this.inbox)]);
    const anchor = page.items[0]?.id ?? null;
    // The pages around the scroll position are read as well, so that visible rows never become blank.
    const looked =
      anchor && page.items.length === PAGE
        ? [this.#near - 1, this.#near, this.#near + 1].filter((near) => near > 0)
        : [];
    const others = await Promise.all(
      looked.map(async (near) => [near, (await this.#fetch(anchor!, near)).items] as const),
    );
    if (this.#ended) return;
    this.#following?.stop();
    this.#following = changes;
    this.#pending.clear();
    this.unseen = 0;
    const whole = page.items.length < PAGE;
    this.#state = {
      anchor,
      older: whole ? page.items.length : Math.max(inbox.requests, page.items.length),
      pages: new Map([[0, page.items], ...others.filter(([, rows]) => rows.length > 0)]),
      head: [],
    };
    if (!this.loaded) performance.mark("hookbench-listed");
    this.loaded = true;
    this.changed();
    changes.follow(page.seq, { batch: (items) => this.#apply(items), gone: () => void this.read() });
  }

  /** Reads the number of stored requests again. Visible rows stay. */
  async #recount(): Promise<void> {
    const state = this.#state;
    const inbox = await api.inbox(this.inbox).catch(() => undefined);
    if (!inbox || state !== this.#state || this.#ended) return;
    state.older = Math.max(0, inbox.requests - state.head.length);
    this.changed();
  }

  #fetch(anchor: string, page: number): Promise<{ items: Summary[] }> {
    const skip = page === 0 ? undefined : page * PAGE - 1;
    return api.requests({ inbox: this.inbox, after: page === 0 ? undefined : anchor, skip, limit: PAGE });
  }

  async #readPage(page: number): Promise<void> {
    const { anchor } = this.#state;
    if (this.#pending.has(page) || !anchor) return;
    this.#pending.add(page);
    const state = this.#state;
    try {
      const { items } = await this.#fetch(anchor, page);
      if (state !== this.#state || this.#ended) return;
      state.pages.set(page, items);
      if (items.length < PAGE) state.older = Math.min(state.older, page * PAGE + items.length);
      this.#letGo(page);
      this.changed();
    } catch (error) {
      tellReadFailure(error);
    } finally {
      this.#pending.delete(page);
    }
  }

  #letGo(near: number): void {
    const { pages } = this.#state;
    if (pages.size <= PAGES_MAX) return;
    const far = [...pages.keys()].filter((page) => page !== 0).sort((a, b) => Math.abs(b - near) - Math.abs(a - near));
    for (const page of far.slice(0, pages.size - PAGES_MAX)) pages.delete(page);
  }

  #apply(items: readonly FeedItem[]): void {
    const readAgain = items.map((item) => this.#applyOne(item)).some(Boolean);
    if (readAgain || this.#state.head.length > HEAD_MAX) void this.read();
    this.changed();
  }

  /** Applies one change. Returns true if the list must be read again. */
  #applyOne(item: FeedItem): boolean {
    switch (item.type) {
      case "request_added":
        if (item.request.inbox === this.inbox) this.#add(item.request);
        return false;
      case "request_changed":
        if (item.request.inbox === this.inbox) this.#replace(item.request);
        return false;
      case "requests_deleted":
        return item.deletion.inbox === this.inbox && !(item.deletion.request && this.#takeOut(item.deletion.request));
      case "requests_restored":
        return item.deletion.inbox === this.inbox;
      case "requests_imported":
        return item.inboxes.includes(this.inbox);
      case "requests_expired":
        void this.#recount();
        return false;
      case "inbox_changed":
        if (item.was === this.inbox && item.inbox.unread === 0) this.#markRead();
        return false;
      default:
        return false;
    }
  }

  #add(request: Summary): void {
    // A read can contain a request before the feed does. Ids grow with time, so older ids are already listed.
    const newest = this.#state.head.at(-1)?.id ?? this.#state.anchor;
    if (newest && request.id <= newest) return;
    this.#state.head.push(request);
    if (!this.following) this.unseen++;
  }

  /** Removes a request, so that other rows only move up. Returns false if its position is not known. */
  #takeOut(id: string): boolean {
    const state = this.#state;
    const inHead = state.head.findIndex((row) => row.id === id);
    if (inHead >= 0) {
      if (inHead >= state.head.length - this.unseen) this.unseen--;
      state.head.splice(inHead, 1);
      return true;
    }
    const found = [...state.pages].find(([, rows]) => rows.some((row) => row.id === id));
    if (!found) return false;
    const [first, rows] = found;
    rows.splice(
      rows.findIndex((row) => row.id === id),
      1,
    );
    // Each following page passes its first row to the page before. Pages after a page that is not loaded become
    // invalid.
    let page = first;
    for (let next = state.pages.get(page + 1); next; next = state.pages.get(page + 1)) {
      state.pages.get(page)!.push(next.shift()!);
      page++;
    }
    for (const other of state.pages.keys()) if (other > page) state.pages.delete(other);
    state.older--;
    state.anchor = state.pages.get(0)?.[0]?.id ?? (state.older === 0 ? null : state.anchor);
    return true;
  }

  #markRead(): void {
    for (const rows of [this.#state.head, ...this.#state.pages.values()]) {
      for (const [at, row] of rows.entries()) if (row.unread) rows[at] = { ...row, unread: false };
    }
  }

  #replace(request: Summary): void {
    for (const rows of [this.#state.head, ...this.#state.pages.values()]) {
      const at = rows.findIndex((row) => row.id === request.id);
      if (at >= 0) rows[at] = request;
    }
  }
}
