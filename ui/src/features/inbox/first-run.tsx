import { Tabs } from "@base-ui/react/tabs";
import { Copy, Zap } from "lucide-react";

import { firstKeys, perform } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { copyText } from "../../ui/transfer";
import { CALLS } from "./first-calls";

/** The start view of an empty inbox: its URL and example calls. */
export function FirstRun({ url }: { url: string }) {
  const cut = url.lastIndexOf("/") + 1;
  return (
    <div className="flex h-full items-center justify-center overflow-auto p-8">
      <div className="w-full max-w-[560px]">
        <h1 className="text-[22px] leading-7 font-semibold tracking-tight">Listening. Send a webhook here.</h1>
        <p className="mt-3 mb-4 text-ink-2">
          Each request to this URL, or to any path below it, is stored on your disk before the sender gets a response.
        </p>
        <div className="flex items-center gap-3 rounded-[9px] border border-line bg-background px-4 py-2">
          <span aria-hidden className="size-2 rounded-full bg-accent" />
          <code className="min-w-0 flex-1 truncate font-mono text-[14px]" data-testid="inbox-url">
            {url.slice(0, cut)}
            <strong>{url.slice(cut)}</strong>
          </code>
          <Button icon={Copy} onClick={() => copyText(url, "URL")} keys={firstKeys("copy-url")}>
            Copy
          </Button>
        </div>
        <div className="my-4 flex items-center gap-3">
          <Button look="primary" icon={Zap} onClick={() => perform("test-event")} keys={firstKeys("test-event")}>
            Send test event
          </Button>
          <span className="text-ink-2">over HTTP, from this computer</span>
        </div>
        <Tabs.Root defaultValue="curl" className="rounded-[9px] border border-line bg-background">
          <Tabs.List aria-label="How to send" className="flex items-center gap-1 border-b border-line p-1">
            {CALLS.map(({ id, name }) => (
              <Tabs.Tab
                key={id}
                value={id}
                className="rounded-md px-2.5 py-0.5 text-ink-2 data-active:bg-pane data-active:font-medium data-active:text-ink"
              >
                {name}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {CALLS.map(({ id, name, text }) => (
            <Tabs.Panel key={id} value={id} className="relative">
              <pre
                tabIndex={0}
                aria-label={`Send with ${name}`}
                className="overflow-auto p-3 pr-10 font-mono text-data"
              >
                {text(url)}
              </pre>
              <span className="absolute top-1 right-1">
                <IconButton label={`Copy ${name} call`} icon={Copy} onClick={() => copyText(text(url), "call")} />
              </span>
            </Tabs.Panel>
          ))}
        </Tabs.Root>
      </div>
    </div>
  );
}

/** The start view of an inbox while the listener cannot listen. An alert at the top shows the reason. */
export function NotListening() {
  return (
    <div className="flex h-full items-center justify-center p-8">
      <div className="w-full max-w-[560px]">
        <h1 className="text-[22px] leading-7 font-semibold tracking-tight">Not listening.</h1>
        <p className="mt-3 text-ink-2">
          No requests can arrive until the listener has a free address. The alert at the top shows the reason and
          another address.
        </p>
      </div>
    </div>
  );
}
