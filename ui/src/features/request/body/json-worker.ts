/** Indexes and formats JSON in a worker, so that a large body does not block the page. */
import { formatted, indexJson, NotJson, type JsonIndex } from "./json-index";

export type Asked = { task: "index" | "format"; bytes: Uint8Array<ArrayBuffer> };
export type Told = { index: JsonIndex } | { text: string } | { notJsonAt: number };

const tell = self.postMessage.bind(self) as (told: Told, transfer: Transferable[]) => void;

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  try {
    const index = indexJson(data.bytes);
    if (data.task === "format") tell({ text: formatted(index) }, []);
    else
      tell(
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
    tell({ notJsonAt: error.at }, []);
  }
};
