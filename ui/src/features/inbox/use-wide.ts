import { useSyncExternalStore } from "react";

/** Width from which list and detail are shown side by side, in px of the page. */
const WIDE = 880;

const isWide = (): boolean => innerWidth / (Number(document.documentElement.style.zoom) || 1) >= WIDE;

const subscribe = (listener: () => void): (() => void) => {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
};

/** Returns true if the window shows list and detail side by side. The zoom of the page counts. */
export const useWide = (): boolean => useSyncExternalStore(subscribe, isWide);
