/** Indexes and formats JSON in a worker, so that a large body does not block the page. */
import { formatted, indexJson, NotJson, type JsonIndex } from "./json-index";

export type JsonTask = { task: "index" | "format"; bytes: Uint8Array<ArrayBuffer> };
export type JsonResult = { index: JsonIndex } | { text: string } | { notJsonAt: number };

const post = self.postMessage.bind(self) as (result: JsonResult, transfer: Transferable[]) => void;

self.onmessage = ({ data }: MessageEvent<JsonTask>) => {
  try {
    const index = indexJson(data.bytes);
    if (data.task === "format") post({ text: formatted(index) }, []);
    else
      post(
        { index },
        [
          index.bytes,
          index.kind,
          index.start,
          index.end,
          index.key,
          index.after,
          index.count,
          index.depth,
          index.parent,
        ].map((array) => array.buffer),
      );
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    post({ notJsonAt: error.at }, []);
  }
};
