/** Preferences of this device, which are not part of the settings of the engine. */
import { useSyncExternalStore } from "react";

import { platform } from "../platform";

interface Preferences {
  theme: "system" | "light" | "dark";
  contrast: "normal" | "high";
  density: "cosy" | "compact";
  zoom: number;
  bodyView: "tree" | "text" | "hex";
  /** Layout of comparisons. */
  diff: "side" | "inline";
  /** Language of verification code. */
  language: string;
  framework: string;
  /** Format of requests copied as code. */
  code: string;
  place: string;
  /** Columns of the lists of requests that the user hides. */
  hiddenColumns: readonly string[];
  /** True if the traffic strip is shown. */
  strip: boolean;
  /** Inboxes whose checklist was dismissed. */
  dismissed: readonly string[];
}

const KEY = "hookbench-preferences";
const DEFAULTS: Preferences = {
  theme: "system",
  contrast: "normal",
  density: "cosy",
  zoom: 1,
  bodyView: "tree",
  diff: "side",
  language: "node",
  framework: "express",
  code: "curl",
  place: "/",
  hiddenColumns: [],
  strip: true,
  dismissed: [],
};
const ZOOMS = [0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2] as const;

function stored(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

let current = stored();
const listeners = new Set<() => void>();
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Applies the preferences to the page. */
export function apply(): void {
  const root = document.documentElement;
  root.dataset.theme = current.theme === "system" ? (dark.matches ? "dark" : "light") : current.theme;
  root.dataset.contrast = current.contrast;
  root.dataset.density = current.density;
  platform?.zoom(current.zoom);
}

dark.addEventListener("change", apply);
// The zoom follows once the platform is known.
apply();

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  localStorage.setItem(KEY, JSON.stringify(current));
  apply();
  listeners.forEach((listener) => listener());
}

export const preferences = (): Preferences => current;

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => (listeners.add(listener), () => void listeners.delete(listener)),
    preferences,
  );
}

/** Changes the zoom by one step. 0 resets it to 100 %. */
export function zoom(step: 1 | -1 | 0): void {
  if (step === 0) return prefer({ zoom: 1 });
  const at = ZOOMS.findIndex((zoom) => zoom >= current.zoom - 0.001);
  prefer({ zoom: ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, at + step))] });
}

/** Returns the height of a row in px, as in the style sheet. */
export const rowHeight = (density: Preferences["density"]): number => (density === "compact" ? 28 : 36);
