/** The one subscription of the page to the engine's changes. */
import { platform, type FeedItem, type FeedListener } from "../platform";

type Subscribe = (after: number, listener: FeedListener) => () => void;

/** Changes from the moment a read begins, kept until the read says where in the feed it looked. */
export interface Reading {
  /** Hands on what changed after `seq`, first what was kept. Call once, with the `seq` of what was read. */
  follow(seq: number, listener: FeedListener): void;
  stop(): void;
}

class Follower implements Reading {
  #kept: FeedItem[] = [];
  #lost = false;
  /** Number of the first subscription that this one did not see begin. */
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

  /** The subscription began at `seq`, after this follower did. */
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

  /** Tells the listener that changes are missing, now or when it follows. */
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

/** Hands each change, received and parsed once, to every view that follows. */
export class Feed {
  #followers = new Set<Follower>();
  #end: (() => void) | undefined;
  readonly #subscribe: Subscribe;

  constructor(subscribe: Subscribe) {
    this.#subscribe = subscribe;
  }

  /** Current followers. A follower that loses its place begins another read at once, which is not in this list. */
  #now(): Follower[] {
    return [...this.#followers];
  }

  /** Begins the subscription after `seq`. `gone` is called when changes are missing; then it has ended. */
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

  /** Call before a read whose response carries its `seq`: no change between the two is lost. */
  beginRead(): Reading {
    const follower = new Follower((one) => void this.#followers.delete(one));
    this.#followers.add(follower);
    return follower;
  }
}

export const feed = new Feed((after, listener) => platform.subscribe(after, listener));
