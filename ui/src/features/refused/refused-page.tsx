/** The page of refused requests, which could not be stored: reason, remote address and first bytes. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Copy, Download, ShieldCheck } from "lucide-react";

import { api, refusedBytes, type Refusal } from "../../api/client";
import { keys } from "../../api/keys";
import { perform } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { Empty, Page } from "../../ui/page";
import { Status } from "../../ui/status";
import { count, moment, size, visible, visibleLines } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { copyText, saveFile } from "../../ui/transfer";
import { reasonText } from "./refused";

/** Dismisses the alert for the requests refused so far. */
export const dismissRefused = (): void =>
  void attempt(api.dismissRefusals().then(() => tell("Alert dismissed. The requests stay in this list.")));

function Bytes({ refusal }: { refusal: Refusal }) {
  if (refusal.bytes === 0) return <p className="text-ink-2">No bytes were read.</p>;
  return (
    <div className="rounded-[7px] border border-line bg-background">
      <div className="flex items-center gap-1 border-b border-line pl-3 text-small text-ink-2">
        <span className="mr-auto">First {size(refusal.bytes)}, credentials masked</span>
        <IconButton label="Copy as text" icon={Copy} onClick={() => copyText(refusal.text, "as shown")} />
        <IconButton
          label="Save bytes"
          icon={Download}
          onClick={() => saveFile(refusedBytes(refusal.id), `refused-${refusal.id}.txt`)}
        />
      </div>
      <pre
        tabIndex={0}
        aria-label="First bytes"
        className="max-h-80 overflow-auto p-3 font-mono text-data break-all whitespace-pre-wrap"
      >
        {visibleLines(refusal.text.trimEnd().replaceAll("\r\n", "\n"))}
      </pre>
    </div>
  );
}

function Row({ refusal, open }: { refusal: Refusal; open: boolean }) {
  return (
    <li className="border-b border-line">
      <details open={open} className="group">
        <summary className="flex cursor-pointer items-center gap-3 px-2 py-2 hover:bg-hover">
          <ChevronRight size={14} aria-hidden className="shrink-0 text-ink-3 group-open:rotate-90" />
          <Status status={refusal.status} />
          <span className="min-w-0 flex-1 break-words">{visible(refusal.message)}</span>
          <span className="shrink-0 text-small text-ink-2">{visible(refusal.inbox ?? "no inbox")}</span>
          <time dateTime={refusal.at} className="shrink-0 font-mono text-data text-ink-2">
            {moment(refusal.at)}
          </time>
        </summary>
        <div className="pr-2 pb-3 pl-8">
          <p className="mb-2 text-small text-ink-2">
            From {refusal.remote_address || "an unknown address"} · <code className="font-mono">{refusal.reason}</code>
          </p>
          <Bytes refusal={refusal} />
        </div>
      </details>
    </li>
  );
}

export function RefusedPage() {
  const list = useQuery({ queryKey: keys.refusals, queryFn: api.refusals }).data;
  if (!list) return null;
  const all = list.totals.reduce((sum, total) => sum + total.count, 0);
  return (
    <Page
      title="Refused requests"
      subtitle="Requests that could not be stored, newest first. The sender got the reason in the response."
      wide
    >
      {all === 0 && (
        <Empty icon={ShieldCheck} action={<Button onClick={() => perform("go-requests")}>All requests</Button>}>
          No refused requests
        </Empty>
      )}
      {list.totals.length > 0 && (
        <ul aria-label="By inbox and reason" className="mb-4 flex flex-wrap gap-2 text-small">
          {list.totals.map((total) => (
            <li key={`${total.inbox} ${total.reason}`} className="rounded-[7px] border border-line bg-pane px-2 py-1">
              {total.inbox ? `${visible(total.inbox)}: ` : ""}
              {reasonText(total.reason)} <span className="text-ink-2">{count(total.count)}</span>
            </li>
          ))}
        </ul>
      )}
      <ul aria-label="Refused" className="border-t border-line">
        {list.items.map((refusal, place) => (
          <Row key={refusal.id} refusal={refusal} open={place === 0} />
        ))}
      </ul>
      {list.items.length < all && (
        <p className="mt-3 text-small text-ink-2">
          {count(all - list.items.length)} older refused requests are not shown.
        </p>
      )}
    </Page>
  );
}
