import { beforeEach, expect, test, vi } from "vitest";

import type { FeedItem, FeedListener } from "../platform";
import { Feed } from "./feed";

const change = (seq: number): FeedItem => ({ seq, type: "status_changed" });

/** A feed with a fake engine whose changes the test sends. */
function engine() {
  const subscriptions: { after: number; listener: FeedListener; ended: boolean }[] = [];
  const feed = new Feed((after, listener) => {
    const one = { after, listener, ended: false };
    subscriptions.push(one);
    return () => void (one.ended = true);
  });
  return {
    feed,
    subscriptions,
    tell: (...seqs: number[]) => subscriptions.at(-1)!.listener.batch(seqs.map(change)),
    lose: () => subscriptions.at(-1)!.listener.gone(),
  };
}

/** A view that records the changes it receives. */
function view() {
  const heard: number[] = [];
  const gone = vi.fn();
  return {
    heard,
    gone,
    listener: { batch: (items: readonly FeedItem[]) => heard.push(...items.map((i) => i.seq)), gone },
  };
}

const noGap = (): void => expect.unreachable("unexpected gap");

let { feed, subscriptions, tell, lose } = engine();
beforeEach(() => ({ feed, subscriptions, tell, lose } = engine()));

test("shares one subscription among all views", () => {
  feed.open(10, noGap);
  const [first, second] = [view(), view()];
  feed.beginRead().follow(10, first.listener);
  feed.beginRead().follow(10, second.listener);
  tell(11, 12);
  expect([first.heard, second.heard]).toEqual([
    [11, 12],
    [11, 12],
  ]);
  expect(subscriptions.length).toBe(1);
});

test("delivers a change during the first read exactly once", () => {
  feed.open(10, noGap);
  const reading = feed.beginRead();
  tell(11);
  tell(12, 13);
  const one = view();
  reading.follow(12, one.listener);
  tell(14);
  expect(one.heard).toEqual([13, 14]);
});

test("skips changes that the read already contains", () => {
  feed.open(10, noGap);
  const one = view();
  feed.beginRead().follow(12, one.listener);
  tell(11, 12, 13);
  expect(one.heard).toEqual([13]);
});

test("makes a view read again if it read before the subscription started", () => {
  const [early, late, known] = [view(), view(), view()];
  feed.beginRead().follow(9, early.listener);
  const reading = feed.beginRead();
  feed.beginRead().follow(10, known.listener);
  feed.open(10, noGap);
  reading.follow(9, late.listener);
  expect([early.gone.mock.calls.length, late.gone.mock.calls.length, known.gone.mock.calls.length]).toEqual([1, 1, 0]);
  tell(11);
  expect([early.heard, late.heard, known.heard]).toEqual([[], [], [11]]);
});

test("makes every view read again after a gap, including views that are reading", () => {
  const gap = vi.fn();
  feed.open(10, gap);
  const [one, other] = [view(), view()];
  feed.beginRead().follow(10, one.listener);
  const reading = feed.beginRead();
  lose();
  expect([gap, one.gone].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  reading.follow(10, other.listener);
  expect(other.gone).toHaveBeenCalledOnce();
  expect(subscriptions[0]!.ended).toBe(true);
});

test("sends nothing to a stopped view", () => {
  feed.open(10, vi.fn());
  const one = view();
  const reading = feed.beginRead();
  reading.follow(10, one.listener);
  reading.stop();
  tell(11);
  lose();
  expect(one.heard).toEqual([]);
  expect(one.gone).not.toHaveBeenCalled();
});

test("notifies a view once if it rereads immediately after a gap", () => {
  feed.open(10, vi.fn());
  const one = view();
  const read = (): void => feed.beginRead().follow(12, { ...one.listener, gone: () => (one.gone(), read()) });
  read();
  lose();
  expect(one.gone).toHaveBeenCalledOnce();
  feed.open(12, noGap);
  tell(13);
  expect(one.heard).toEqual([13]);
});
