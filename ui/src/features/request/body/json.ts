/** Calls to the JSON worker. */
import type { Asked, Told } from "./json-worker";
import type { JsonIndex } from "./json-index";

function ask(task: Asked["task"], bytes: Uint8Array<ArrayBuffer>): Promise<Told> {
  const worker = new Worker(new URL("./json-worker.ts", import.meta.url), { type: "module" });
  return new Promise<Told>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Told>) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message || "the JSON worker failed"));
    worker.postMessage({ task, bytes } satisfies Asked);
  }).finally(() => worker.terminate());
}

/** Returns the index of a body, or the position of the first byte that is not valid JSON. */
export async function jsonIndex(bytes: Uint8Array<ArrayBuffer>): Promise<JsonIndex | number> {
  const told = await ask("index", bytes);
  return "index" in told ? told.index : "notJsonAt" in told ? told.notJsonAt : 0;
}

/** Returns a body with one value per line. Null if the body is not JSON. */
export async function jsonFormatted(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const told = await ask("format", bytes);
  return "text" in told ? told.text : null;
}
