import { browserPlatform } from "./browser";
import type { Platform } from "./platform";

export * from "./platform";

/** The platform this page runs on; set once before anything is drawn. */
export let platform: Platform;

export async function choosePlatform(): Promise<void> {
  platform = "__TAURI_INTERNALS__" in window ? (await import("./tauri")).tauriPlatform() : await browserPlatform();
}
