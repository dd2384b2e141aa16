import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWebviewWindow } from "@tauri-apps/api/webviewWindow";
import { writeText } from "@tauri-apps/plugin-clipboard-manager";

import { CallError, type FeedItem, type FeedListener, type Incoming, type Platform } from "./platform";

/** Statuses for which a `Response` must not have a body. */
const EMPTY = new Set([204, 205, 304]);

async function call(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  const headers: Record<string, string> = { "x-method": request.method, "x-path": pathname + search };
  for (const name of ["content-type", "range"]) {
    const value = request.headers.get(name);
    if (value) headers[`x-${name}`] = value;
  }
  let framed: ArrayBuffer;
  try {
    framed = await invoke<ArrayBuffer>("api", body, { headers });
  } catch (error) {
    throw new CallError(typeof error === "object" && error ? error : { message: String(error) });
  }
  // The frame contains the length of the head, the head as JSON, and the body. See `window/commands.rs`.
  const length = new DataView(framed).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(framed, 4, length))) as {
    status: number;
    headers: [string, string][];
  };
  const bytes = new Uint8Array(framed, 4 + length);
  return new Response(EMPTY.has(head.status) ? null : bytes, { status: head.status, headers: head.headers });
}

function subscribe(after: number, listener: FeedListener): () => void {
  const channel = new Channel<FeedItem[] | null | ArrayBuffer>();
  let ended = false;
  channel.onmessage = (message) => {
    if (ended) return;
    const items =
      message instanceof ArrayBuffer ? (JSON.parse(new TextDecoder().decode(message)) as FeedItem[] | null) : message;
    if (items) listener.batch(items);
    else listener.gone();
  };
  const started = invoke<number>("feed_start", { after, channel });
  // Without an engine there is nothing to follow, and the page already shows the error.
  started.catch(() => undefined);
  return () => {
    ended = true;
    void started.then((id) => invoke("feed_stop", { id })).catch(() => undefined);
  };
}

function failure<T>(promise: Promise<T>): Promise<T> {
  return promise.catch((error: object) => {
    throw new CallError(error);
  });
}

interface Offered {
  id: number;
  name: string;
}

const incoming = ({ id, name }: Offered): Incoming => ({
  name,
  async sendTo(route) {
    const [status, response] = await failure(invoke<[number, object]>("send_file", { route, id }));
    if (status >= 400) throw new CallError(response);
    return response;
  },
});

export function tauriPlatform(): Platform {
  return {
    fetch: call,
    subscribe,
    copyText: writeText,
    zoom: (factor) => void getCurrentWebviewWindow().setZoom(factor),
    openWindow: (path) => void invoke("open_window", { path }).catch(() => undefined),
    setMenu: (menus, run) => {
      void invoke("set_menu", { menus }).catch(() => undefined);
      void getCurrentWebviewWindow().listen<string>("menu", ({ payload }) => run(payload));
    },
    saveTo: (route, name) => failure(invoke<string | null>("save_to", { route, name })),
    pickFiles: async () => (await failure(invoke<Offered[]>("pick_files"))).map(incoming),
    onDrop(hear) {
      const ends = [
        listen("drag-over", () => hear(true)),
        listen("drag-left", () => hear(false)),
        listen<Offered[]>("dropped", ({ payload }) => hear(payload.map(incoming))),
      ];
      return () => ends.forEach((end) => void end.then((stop) => stop()));
    },
    pickNewFile: (name) => failure(invoke<string | null>("back_up", { name })),
    notify: (title, body) => void invoke("notify", { title, body }).catch(() => undefined),
    onClosing: (ask) => void listen("closing", ask),
    close: (keepListening) => invoke("closing", { keepListening }),
    onShow: (show) => void listen<string>("show", (event) => show(event.payload)),
  };
}
