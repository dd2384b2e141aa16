import { useQuery } from "@tanstack/react-query";
import { Check, Minus } from "lucide-react";
import { useState } from "react";

import {
  api,
  type Delivery,
  type Detail,
  type Inbox,
  type InboxResponse,
  type ResponsePreview,
} from "../../api/client";
import { useEndpoints, useInboxes } from "../../api/queries";
import { perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { Status } from "../../ui/status";
import { duration, size, visible, visibleLines } from "../../ui/format";
import { DeliveryCard } from "../delivery";
import { DELIVERIES, useDeliveries } from "./outcome";

const REFUSED: Record<number, string> = {
  400: "The body ended early, or its chunked encoding is invalid.",
  408: "The body timed out.",
  413: "The body exceeded the size limit.",
  499: "The sender disconnected before the response.",
};

const FAULTS: Record<NonNullable<InboxResponse["fault"]>["type"], string> = {
  reset: "a connection reset",
  hang: "no response",
  truncate: "a truncated response",
  slow: "a slow response body",
  garbage: "invalid HTTP",
};

const CARD = "overflow-hidden rounded-[9px] border border-line bg-pane";

/** What the sender got, and every forward and replay with the responses of the apps. */
export function ResponseTab({ detail }: { detail: Detail }) {
  const deliveries = useDeliveries(detail.id);
  const forwards = deliveries?.filter(({ origin }) => origin === "forward") ?? [];
  const replays = deliveries?.filter(({ origin }) => origin !== "forward") ?? [];
  return (
    <div className="space-y-5 p-4">
      <ToSender detail={detail} />
      {/* The newest is what the user waits for. */}
      <Deliveries title="Replays" note="sent again by you" items={replays} inbox={detail.inbox} />
      <Deliveries title="Forwards" note="after the request was stored" items={forwards} inbox={detail.inbox} />
      {deliveries?.length === DELIVERIES && <p className="text-ink-2">Only the newest {DELIVERIES} are shown.</p>}
      {deliveries?.length === 0 && (
        <section aria-label="Forwards">
          <h3 className="mb-1 font-semibold">Forwards</h3>
          <p className="mb-2 text-ink-2">This request was not forwarded to an app.</p>
          <Button onClick={() => perform("rules")}>Add forward</Button>
        </section>
      )}
    </div>
  );
}

/** Returns the word for the origin of a delivery, and the name of its destination. */
function labelOf(delivery: Delivery, inbox: Inbox | undefined, endpoints: ReturnType<typeof useEndpoints>["data"]) {
  if (delivery.origin === "forward") {
    const forward = inbox?.forwards.find(({ id }) => id === delivery.endpoint);
    return { tag: forward?.mode === "proxy" ? "Proxy" : "Mirror", name: forward?.name || delivery.url };
  }
  const endpoint = endpoints?.items.find(({ id }) => id === delivery.endpoint);
  return { tag: delivery.re_signed ? "Replay, re-signed" : "Replay", name: endpoint?.name || delivery.url };
}

function Deliveries({
  title,
  note,
  items,
  inbox,
}: {
  title: string;
  note: string;
  items: readonly Delivery[];
  inbox: string;
}) {
  const own = useInboxes().data?.items.find(({ name }) => name === inbox);
  const endpoints = useEndpoints().data;
  if (items.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3 className="mb-2 font-semibold">
        {title} <span className="text-small font-normal text-ink-2">{note}</span>
      </h3>
      <div className="space-y-3">
        {items.map((delivery, place) => (
          <DeliveryCard
            key={delivery.id}
            delivery={delivery}
            {...labelOf(delivery, own, endpoints)}
            isOpen={place === 0}
          />
        ))}
      </div>
    </section>
  );
}

/** Describes where the response came from. */
function sourceOf({ source, response, response_origin, status }: Detail): string {
  if (source) return response ? `recorded in ${visible(source)}` : `not recorded in ${visible(source)}`;
  if (response_origin) return visible(response_origin);
  if (response) return "default response of the inbox";
  return REFUSED[status] ?? (status ? "the app or the listener" : "not known yet");
}

function ToSender({ detail }: { detail: Detail }) {
  const { response } = detail;
  const stored = Date.parse(detail.stored_at) - Date.parse(detail.arrived_at);
  return (
    <section aria-label="Response to the sender">
      <h3 className="mb-2 flex flex-wrap items-center gap-2 font-semibold">
        Response to the sender
        <span className="text-small font-normal text-ink-2">
          stored {duration(Math.max(stored, detail.receiving_ms))} after arrival
          {response && response.delay_ms > 0 && `, then delayed by ${duration(response.delay_ms)}`}
        </span>
        <Preview key={detail.id} id={detail.id} />
      </h3>
      <div className={CARD}>
        <p className="px-3 py-2">
          <Status status={detail.status} className="font-mono text-data" />{" "}
          <span className="text-ink-2">from {sourceOf(detail)}</span>
          {response?.fault && (
            <span className="font-medium text-warning"> Injected fault: {FAULTS[response.fault.type]}.</span>
          )}
        </p>
        {response && (
          <div className="response-parts grid border-t border-line">
            <dl className="grid min-w-0 grid-cols-[minmax(96px,auto)_1fr] content-start gap-x-4 p-3 font-mono text-data empty:hidden">
              {response.headers.map(([name = "", value = ""], place) => (
                <div key={place} className="contents">
                  <dt className="truncate text-ink-2">{name.toLowerCase()}</dt>
                  <dd className="break-all">{visible(value)}</dd>
                </div>
              ))}
            </dl>
            <SentBody response={response} />
          </div>
        )}
      </div>
    </section>
  );
}

function SentBody({ response }: { response: InboxResponse }) {
  if (response.file)
    return (
      <p className="p-3 text-ink-2">
        The body was the file {visible(response.file.name)}, {size(response.file.bytes)}.
      </p>
    );
  if (!response.body) return <p className="p-3 text-ink-2">The response had no body.</p>;
  return (
    <pre tabIndex={0} className="max-h-60 overflow-auto p-3 font-mono text-data break-all whitespace-pre-wrap">
      {visibleLines(response.body)}
    </pre>
  );
}

/** The response that the request would get now, with the reason for each rule that does not match. */
function Preview({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const { data } = useQuery({
    queryKey: ["response-preview", id],
    queryFn: () => api.responsePreview(id),
    enabled: open,
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <>
      <Button className="ml-auto" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide preview" : "Preview response"}
      </Button>
      {open && data && (
        <div className={`w-full font-normal ${CARD}`}>
          <PreviewList preview={data} />
        </div>
      )}
    </>
  );
}

/** The rules and forwards that were evaluated for a response, in order. */
export function PreviewList({ preview: { considered, response } }: { preview: ResponsePreview }) {
  return (
    <section aria-label="Response preview">
      <ol>
        {considered.map(({ name, responses: responds, why }, place) => (
          <li
            key={place}
            className={`flex items-start gap-2 border-b border-line px-3 py-2 last:border-0 ${responds ? "bg-selection" : ""}`}
          >
            {responds ? (
              <Check size={15} aria-label="responds" className="mt-0.5 shrink-0 text-accent" />
            ) : (
              <Minus size={15} aria-hidden className="mt-0.5 shrink-0 text-ink-3" />
            )}
            <span>
              <span className="block font-medium">{visible(name)}</span>
              <span className="text-small text-ink-2">{visible(why)}</span>
            </span>
          </li>
        ))}
      </ol>
      {response && (
        <p className="border-t border-line px-3 py-2">
          The response would be {response.fault ? FAULTS[response.fault.type] : <Status status={response.status} />}.
        </p>
      )}
    </section>
  );
}
