import { CallError, type FeedItem, type FeedListener, type Incoming, type Platform } from "./platform";

const TOKEN = "hookbench-token";
/** Delay before a lost connection to the feed is retried, in ms. */
const RETRY = 1000;

/** Exchanges the one-time code in the address for the token. */
async function signIn(): Promise<void> {
  const code = location.hash.slice(1);
  if (!/^[0-9a-f]{64}$/.test(code)) return;
  history.replaceState(null, "", location.pathname + location.search);
  const response = await fetch("/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  if (response.ok) sessionStorage.setItem(TOKEN, ((await response.json()) as { token: string }).token);
}

function authorised(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${sessionStorage.getItem(TOKEN) ?? ""}`);
  return new Request(request, { headers });
}

/** Reads a stream of server-sent events. `EventSource` cannot send the token. */
async function readEvents(response: Response, listener: FeedListener, seen: (seq: number) => void): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop() ?? "";
    const items: FeedItem[] = [];
    for (const event of events) {
      const lines = event.split("\n");
      const kind =
        lines
          .find((line) => line.startsWith("event:"))
          ?.slice(6)
          .trim() ?? "message";
      const data =
        lines
          .find((line) => line.startsWith("data:"))
          ?.slice(5)
          .trim() ?? "";
      if (kind === "feed_gone") return listener.gone();
      if (kind === "message" && data) items.push(JSON.parse(data) as FeedItem);
    }
    const last = items.at(-1);
    if (last) {
      seen(last.seq);
      listener.batch(items);
    }
  }
}

const incoming = (file: File): Incoming => ({
  name: file.name,
  async sendTo(route) {
    const request = new Request(new URL(route, location.origin), { method: "POST", body: file });
    const response = await fetch(authorised(request));
    const body = (await response.json()) as object;
    if (!response.ok) throw new CallError(body);
    return body;
  },
});

export async function browserPlatform(): Promise<Platform> {
  await signIn();
  const platform: Platform = {
    async fetch(request) {
      try {
        return await fetch(authorised(request));
      } catch {
        throw new CallError({
          code: "engine_lost",
          message: "Hookbench is not responding.",
          hint: "Start `hookbench serve` again. Received requests are stored.",
        });
      }
    },
    subscribe(after, listener) {
      const ended = new AbortController();
      const follow = async (): Promise<void> => {
        let from = after;
        while (!ended.signal.aborted) {
          try {
            const response = await platform.fetch(
              new Request(new URL(`/api/v1/feed?after=${from}`, location.origin), { signal: ended.signal }),
            );
            // 401: the token of this page belongs to an earlier engine.
            if (response.status === 410 || response.status === 401) return listener.gone();
            if (response.ok) await readEvents(response, listener, (seq) => (from = seq));
          } catch {
            // The engine does not respond. The listener reads again, and that read reports the error.
            return ended.signal.aborted ? undefined : listener.gone();
          }
          if (!ended.signal.aborted) await new Promise((done) => setTimeout(done, RETRY));
        }
      };
      void follow();
      return () => ended.abort();
    },
    pickFiles: () =>
      new Promise((picked) => {
        const input = Object.assign(document.createElement("input"), { type: "file", multiple: true });
        input.addEventListener("change", () => picked([...(input.files ?? [])].map(incoming)));
        input.addEventListener("cancel", () => picked([]));
        input.click();
      }),
    onDrop(hear) {
      const ended = new AbortController();
      const on = (type: "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void): void =>
        addEventListener(
          type,
          (event) => event.dataTransfer?.types.includes("Files") && (event.preventDefault(), listener(event)),
          { signal: ended.signal },
        );
      on("dragover", () => hear(true));
      // A move between two elements of the page does not leave the window.
      on("dragleave", (event) => !event.relatedTarget && hear(false));
      on("drop", (event) => {
        hear(false);
        hear([...event.dataTransfer!.files].map(incoming));
      });
      return () => ended.abort();
    },
    zoom: (factor) => document.documentElement.style.setProperty("zoom", String(factor)),
    openWindow: (path) => void window.open(path, "_blank"),
    copyText: (text) => navigator.clipboard.writeText(text),
    async saveTo(route, name) {
      const response = await platform.fetch(new Request(new URL(route, location.origin)));
      if (!response.ok) throw new CallError((await response.json()) as object);
      const url = URL.createObjectURL(await response.blob());
      const link = Object.assign(document.createElement("a"), {
        href: url,
        download: name.split(/[\\/]/).at(-1) || "body.bin",
      });
      link.click();
      URL.revokeObjectURL(url);
      return link.download;
    },
  };
  return platform;
}
