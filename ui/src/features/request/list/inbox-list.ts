/**
 * One inbox's requests, outside React: a thousand arrivals a second only touch an array here, and
 * the view repaints at most thirty times a second.
 *
 * The list is what was stored when it was read (the anchor and all that is older, in pages read on
 * demand) and, above it, what has arrived since. An index below the anchor never moves.
 */
import { api, type Summary } from "../../../api/client";
import { feed, type Reading } from "../../../api/feed";
import type { FeedItem } from "../../../platform";
import { tellFailure } from "../../../ui/toasts";
import { REPAINT_MS, Rows } from "./rows";

const PAGE = 100;
/** Wait before a list that could not be read is tried again. */
const RETRY_MS = 2_000;
/** New requests kept above the anchor; beyond this number the list is read again. */
const HEAD_MAX = 5_000;
/** Pages kept; the ones farthest from the last one asked for are let go. */
const PAGES_MAX = 60;

interface State {
  anchor: string | null;
  older: number;
  pages: Map<number, Summary[]>;
  /** Newest last, so that an arrival is a push. */
  head: Summary[];
}

const empty = (): State => ({ anchor: null, older: 0, pages: new Map(), head: [] });

export class InboxList extends Rows {
  #state = empty();
  #pending = new Set<number>();
  /** The page last looked at. */
  #near = 0;
  /** Hears what changes after the read that is shown. */
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

  /** The request at a place, newest first; undefined while its page is being read. */
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

  /** Reads the list again. The old list stays until the new one is there. */
  async read(): Promise<void> {
    if (this.#ended) return;
    if (this.#reading) {
      // Reads run one at a time: under a flood each would otherwise make the previous one useless.
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#again = false;
    // Changes are kept from here on, so nothing is missed between the read and the feed.
    const changes = feed.beginRead();
    const lost = await this.#readNow(changes).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (this.#following !== changes) changes.stop();
    this.#reading = false;
    if (lost !== undefined && !this.#ended) {
      if (!this.#failed) tellFailure(lost);
      this.#again = true;
    }
    this.#failed = lost !== undefined;
    if (this.#again && !this.#ended)
      window.setTimeout(() => void this.read(), lost === undefined ? REPAINT_MS : RETRY_MS);
  }

  async #readNow(changes: Reading): Promise<void> {
    const [page, inbox] = await Promise.all([api.requests({ inbox: this.inbox, limit: PAGE }), api.inbox(this.inbox)]);
    const anchor = page.items[0]?.id ?? null;
    // The pages around the scroll position are read too, so that no row goes blank.
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

  /** Counts the stored requests again; the visible rows stay. */
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
      tellFailure(error);
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

  /** Shows one change; true if only another read can show it. */
  #applyOne(item: FeedItem): boolean {
    switch (item.type) {
      case "request_added":
        if (item.request.inbox === this.inbox) this.#add(item.request);
        return false;
      case "request_changed":
        if (item.request.inbox === this.inbox) this.#replace(item.request);
        return false;
      case "requests_removed":
        return item.removal.inbox === this.inbox && !(item.removal.request && this.#takeOut(item.removal.request));
      case "requests_restored":
        return item.removal.inbox === this.inbox;
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
    // A commit is read a moment before the feed tells of it: ids grow, so what is not newer is known.
    const newest = this.#state.head.at(-1)?.id ?? this.#state.anchor;
    if (newest && request.id <= newest) return;
    this.#state.head.push(request);
    if (!this.following) this.unseen++;
  }

  /** Removes a request in place, so that other rows only move up. Returns false if its place is not known. */
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
    // Each page behind it gives its first row to the one before; past a page that is not there
    // none is right any more.
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
