/** The rate of arriving requests. */
import { useSyncExternalStore } from "react";

/** Time over which the rate is averaged, in ms. */
const WINDOW_MS = 5_000;

const arrivals: { at: number; count: number }[] = [];
const listeners = new Set<() => void>();

export function countArrivals(count: number): void {
  if (count === 0) return;
  arrivals.push({ at: Date.now(), count });
  listeners.forEach((listener) => listener());
}

/** Returns the requests per second over the last five seconds. */
export function useRate(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      const timer = setInterval(listener, 1000);
      return () => (listeners.delete(listener), clearInterval(timer));
    },
    () => {
      const since = Date.now() - WINDOW_MS;
      while (arrivals[0] && arrivals[0].at < since) arrivals.shift();
      return Math.round((arrivals.reduce((sum, { count }) => sum + count, 0) * 1000) / WINDOW_MS);
    },
  );
}
