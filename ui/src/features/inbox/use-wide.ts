import { useSyncExternalStore } from "react";

const WIDE = matchMedia("(min-width: 768px)");

/** Returns true if there is room for a list and a detail view. */
export const useWide = (): boolean =>
  useSyncExternalStore(
    (listener) => (WIDE.addEventListener("change", listener), () => WIDE.removeEventListener("change", listener)),
    () => WIDE.matches,
  );
