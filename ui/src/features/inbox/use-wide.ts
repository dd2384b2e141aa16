import { useSyncExternalStore } from "react";

const WIDE = matchMedia("(min-width: 768px)");

/** Whether there is room for a list and what is chosen in it. */
export const useWide = (): boolean =>
  useSyncExternalStore(
    (listener) => (WIDE.addEventListener("change", listener), () => WIDE.removeEventListener("change", listener)),
    () => WIDE.matches,
  );
