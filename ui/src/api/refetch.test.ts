import { onlineManager, QueryObserver } from "@tanstack/react-query";
import { afterEach, expect, test } from "vitest";

import { patch, queryClient, refetch } from "./refetch";

/** An observed list whose reads the test completes. */
function watched() {
  const ends: ((value: number[]) => void)[] = [];
  const observer = new QueryObserver<number[]>(queryClient, {
    queryKey: ["list"],
    queryFn: () => new Promise((done) => ends.push(done)),
  });
  return { ends, stop: observer.subscribe(() => undefined), held: () => queryClient.getQueryData<number[]>(["list"]) };
}

afterEach(() => queryClient.clear());

test.each([true, false])("reads again after a change during the first read (restart: %s)", async (restart) => {
  const { ends, stop, held } = watched();
  const again = refetch(["list"], { restart });
  ends[0]!([1]);
  await expect.poll(() => ends.length).toBe(2);
  ends[1]!([1, 2]);
  await again;
  expect(held()).toEqual([1, 2]);
  stop();
});

test("calls the engine while the computer has no network", async () => {
  onlineManager.setOnline(false);
  const { ends, stop, held } = watched();
  expect(ends.length).toBe(1);
  ends[0]!([1]);
  await expect.poll(held).toEqual([1]);
  stop();
  onlineManager.setOnline(true);
});

test("restarts a later read, or follows it with another", async () => {
  const { ends, stop, held } = watched();
  ends[0]!([]);
  await expect.poll(held).toEqual([]);
  const first = refetch(["list"]);
  const second = refetch(["list"]);
  expect(ends.length).toBe(3);
  ends[1]!([1]);
  ends[2]!([2]);
  await Promise.all([first, second]);
  expect(held()).toEqual([2]);
  const under = refetch(["list"]);
  const behind = refetch(["list"], { restart: false });
  expect(ends.length).toBe(4);
  ends[3]!([3]);
  await expect.poll(() => ends.length).toBe(5);
  ends[4]!([4]);
  await Promise.all([under, behind]);
  expect(held()).toEqual([4]);
  stop();
});

test("keeps a patch that is applied during a read", async () => {
  const { ends, stop, held } = watched();
  patch<number[]>(["list"], (list) => [...list, 2]);
  ends[0]!([1]);
  await expect.poll(() => ends.length).toBe(2);
  ends[1]!([1, 2]);
  await expect.poll(held).toEqual([1, 2]);
  patch<number[]>(["list"], (list) => [...list, 3]);
  expect(held()).toEqual([1, 2, 3]);
  expect(ends.length).toBe(2);
  stop();
});
