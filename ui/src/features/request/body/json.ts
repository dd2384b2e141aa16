/** Calls to the JSON worker. */
import type { JsonTask, JsonResult } from "./json-worker";
import type { JsonIndex } from "./json-index";

function ask(task: JsonTask["task"], bytes: Uint8Array<ArrayBuffer>): Promise<JsonResult> {
  const worker = new Worker(new URL("./json-worker.ts", import.meta.url), { type: "module" });
  return new Promise<JsonResult>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<JsonResult>) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message || "the JSON worker failed"));
    worker.postMessage({ task, bytes } satisfies JsonTask);
  }).finally(() => worker.terminate());
}

/** Returns the index of a body, or the position of the first byte that is not valid JSON. */
export async function jsonIndex(bytes: Uint8Array<ArrayBuffer>): Promise<JsonIndex | number> {
  const result = await ask("index", bytes);
  return "index" in result ? result.index : "notJsonAt" in result ? result.notJsonAt : 0;
}

/** Returns a body with one value per line. Null if the body is not JSON. */
export async function jsonFormatted(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const result = await ask("format", bytes);
  return "text" in result ? result.text : null;
}
