import { browserPlatform } from "./browser";
import type { Platform } from "./platform";

export * from "./platform";

/** The platform of this page, set once before the first render. */
export let platform: Platform;

export async function choosePlatform(): Promise<void> {
  platform = "__TAURI_INTERNALS__" in window ? (await import("./tauri")).tauriPlatform() : await browserPlatform();
}
