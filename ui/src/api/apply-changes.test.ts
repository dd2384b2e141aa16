import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { FeedItem } from "../platform";
import type { Delivery, Endpoint, Tunnel } from "./types";

vi.stubGlobal("window", globalThis);
vi.stubGlobal("location", { origin: "http://127.0.0.1" });
const { applyChanges } = await import("./apply-changes");
const { withDeliveries } = await import("./cached-deliveries");
const { keys } = await import("./keys");
const { queryClient } = await import("./refetch");

const delivery = (id: string, more: Partial<Delivery> = {}): Delivery =>
  ({ id, endpoint: "e", state: "waiting", attempts: 0, ...more }) as Delivery;
const changed = (...deliveries: Delivery[]): FeedItem[] =>
  deliveries.map((one, seq) => ({ seq, type: "delivery_changed", delivery: one }));
const page = (...ids: string[]) => ({ items: ids.map((id) => delivery(id)), next: null as string | null });

/** Keys of the cached responses that are read again. */
const asked: string[] = [];
function cache(key: readonly unknown[], data: unknown): void {
  queryClient.setQueryDefaults(key, { queryFn: () => (asked.push(JSON.stringify(key)), data) });
  queryClient.setQueryData(key, data);
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(queryClient, "invalidateQueries").mockImplementation(async (filters) => {
    asked.push(JSON.stringify(filters?.queryKey));
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  queryClient.clear();
  asked.length = 0;
});

test("replaces a changed delivery in its list without another read", () => {
  cache(keys.deliveries({}), { pages: [page("d4", "d3"), page("d2", "d1")], pageParams: [] });
  applyChanges(changed(delivery("d2", { state: "sending" }), delivery("d2", { state: "delivered" })));
  vi.advanceTimersByTime(150);
  const { pages } = queryClient.getQueryData<{ pages: { items: Delivery[] }[] }>(keys.deliveries({}))!;
  expect(pages.map(({ items }) => items.map(({ id, state }) => `${id} ${state}`))).toEqual([
    ["d4 waiting", "d3 waiting"],
    ["d2 delivered", "d1 waiting"],
  ]);
  expect(asked).toEqual([]);
});

test("puts a new delivery first in each matching list", () => {
  cache(keys.deliveries({}), page("d1"));
  cache(keys.deliveries({ endpoint: "e" }), page("d1"));
  cache(keys.deliveries({ endpoint: "other" }), page("d1"));
  cache(keys.deliveries({ request: "r", limit: 20 }), page("d1"));
  applyChanges(changed(delivery("d2", { request: "r" })));
  vi.advanceTimersByTime(150);
  const ids = (query: object) =>
    queryClient.getQueryData<{ items: Delivery[] }>(keys.deliveries(query))!.items.map(({ id }) => id);
  expect(ids({})).toEqual(["d2", "d1"]);
  expect(ids({ endpoint: "e" })).toEqual(["d2", "d1"]);
  expect(ids({ endpoint: "other" })).toEqual(["d1"]);
  expect(ids({ request: "r", limit: 20 })).toEqual(["d2", "d1"]);
  expect(asked).toEqual([]);
});

test("reads a list with server-side conditions once for many changes", () => {
  cache(keys.deliveries({ state: "failed" }), page("d1"));
  applyChanges(changed(delivery("d2"), delivery("d3")));
  applyChanges(changed(delivery("d4")));
  vi.advanceTimersByTime(150);
  expect(asked).toEqual([JSON.stringify(keys.deliveries({ state: "failed" }))]);
});

test("ignores deliveries of unloaded pages and rereads a page that grew too long", () => {
  const goesOn = { ...page("d9", "d8"), next: "d8" };
  expect(withDeliveries(goesOn, {}, [delivery("d1")])).toEqual(goesOn);
  expect(withDeliveries(page("d2", "d1"), { limit: 1 }, [delivery("d3")])).toBeUndefined();
});

test("updates an open delivery at once and reads its attempts", () => {
  cache(keys.delivery("d1"), { ...delivery("d1"), attempts_made: [] });
  applyChanges(changed(delivery("d1", { state: "delivered", attempts: 1 })));
  expect(queryClient.getQueryData(keys.delivery("d1"))).toMatchObject({ state: "delivered", attempts_made: [] });
  vi.advanceTimersByTime(150);
  expect(asked).toEqual([JSON.stringify(keys.delivery("d1"))]);
});

test("updates endpoints and tunnels from their changes", () => {
  const endpoint = (id: string, name: string) => ({ id, name }) as Endpoint;
  cache(keys.endpoints, { items: [endpoint("a", "A"), endpoint("b", "B")] });
  cache(keys.tunnels, { items: [{ id: "t" }] });
  applyChanges([
    { seq: 1, type: "endpoint_changed", endpoint: endpoint("a", "A2") },
    { seq: 2, type: "endpoint_changed", endpoint: endpoint("c", "C") },
    { seq: 3, type: "endpoint_disabled", endpoint: endpoint("of a forward", "") },
    { seq: 4, type: "endpoint_deleted", id: "b" },
    { seq: 5, type: "tunnel_changed", tunnel: { id: "u" } as Tunnel },
    { seq: 6, type: "tunnel_deleted", id: "t" },
  ]);
  const items = (key: readonly unknown[]) => queryClient.getQueryData<{ items: unknown[] }>(key)!.items;
  expect(items(keys.endpoints)).toEqual([endpoint("a", "A2"), endpoint("c", "C")]);
  expect(items(keys.tunnels)).toEqual([{ id: "u" }]);
});
