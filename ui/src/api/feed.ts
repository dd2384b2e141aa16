/** The subscription of the page to the changes of the engine. */
import { platform, type FeedItem, type FeedListener } from "../platform";

type Subscribe = (after: number, listener: FeedListener) => () => void;

/** Changes since the start of a read, buffered until the read returns its position in the feed. */
export interface Reading {
  /** Passes on changes after `seq`, buffered ones first. Call once, with the `seq` of the response. */
  follow(seq: number, listener: FeedListener): void;
  stop(): void;
}

class Follower implements Reading {
  #kept: FeedItem[] = [];
  #lost = false;
  /** Position at which the subscription started, if it started after this follower. */
  #openedAt: number | undefined;
  #following: { seq: number; listener: FeedListener } | undefined;
  readonly #leave: (follower: Follower) => void;

  constructor(leave: (follower: Follower) => void) {
    this.#leave = leave;
  }

  follow(seq: number, listener: FeedListener): void {
    this.#following = { seq, listener };
    if (this.#lost || this.#missedSome()) return this.lose();
    this.take(this.#kept);
    this.#kept = [];
  }

  stop(): void {
    this.#leave(this);
  }

  /** Records that the subscription started at `seq`, after this follower. */
  opened(seq: number): void {
    this.#openedAt = seq;
    if (this.#missedSome()) this.lose();
  }

  take(items: readonly FeedItem[]): void {
    if (!this.#following) return void this.#kept.push(...items);
    const { seq, listener } = this.#following;
    const newer = items.filter((item) => item.seq > seq);
    if (newer.length > 0) listener.batch(newer);
  }

  /** Notifies the listener of missing changes, now or as soon as it follows. */
  lose(): void {
    this.#lost = true;
    this.#kept = [];
    if (!this.#following) return;
    this.stop();
    this.#following.listener.gone();
  }

  /** True if changes are missing between the read and the start of the subscription. */
  #missedSome(): boolean {
    return this.#following !== undefined && this.#openedAt !== undefined && this.#following.seq < this.#openedAt;
  }
}

/** Passes each change, received and parsed once, to every view that follows. */
export class Feed {
  #followers = new Set<Follower>();
  #end: (() => void) | undefined;
  readonly #subscribe: Subscribe;

  constructor(subscribe: Subscribe) {
    this.#subscribe = subscribe;
  }

  /** Returns the current followers. A follower that misses changes starts another read, which is not in this list. */
  #now(): Follower[] {
    return [...this.#followers];
  }

  /** Starts the subscription after `seq`. Calls `gone` when changes are missing and the subscription has ended. */
  open(seq: number, gone: () => void): void {
    this.#end?.();
    this.#end = this.#subscribe(seq, {
      batch: (items) => {
        for (const follower of this.#now()) follower.take(items);
      },
      gone: () => {
        this.#end?.();
        this.#end = undefined;
        for (const follower of this.#now()) follower.lose();
        gone();
      },
    });
    for (const follower of this.#now()) follower.opened(seq);
  }

  /** Buffers changes during a read whose response contains its `seq`. Call before the read, so none is lost. */
  beginRead(): Reading {
    const follower = new Follower((one) => void this.#followers.delete(one));
    this.#followers.add(follower);
    return follower;
  }
}

export const feed = new Feed((after, listener) => platform.subscribe(after, listener));
