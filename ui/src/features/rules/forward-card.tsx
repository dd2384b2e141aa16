import type { ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { Copy, RotateCw } from "lucide-react";

import { api, type Delivery, type Forward } from "../../api/client";
import { keys } from "../../api/keys";
import { Button, IconButton } from "../../ui/button";
import { count, duration, visible } from "../../ui/format";
import { RowMenu } from "../../ui/row-menu";
import { Status } from "../../ui/status";
import { Toggle } from "../../ui/switch";
import { attempt, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { ForwardSentence } from "./sentence";

/** Number of deliveries whose results are shown as bars. */
const RECENT = 40;

const isFailure = ({ state }: Delivery): boolean => state === "failed" || state === "exhausted";

interface Props {
  forward: Forward;
  onChange: (change: Partial<Forward>) => void;
  onEdit: () => void;
  onRemove: () => void;
}

/** A forward with its health: the last results, the success rate and the latency. */
export function ForwardCard({ forward, onChange, onEdit, onRemove }: Props) {
  const { id, mode, name, to, enabled } = forward;
  const query = { endpoint: id, limit: RECENT };
  const saved = Boolean(id);
  const recent = useQuery({
    queryKey: keys.deliveries(query),
    queryFn: () => api.deliveries(query),
    enabled: saved,
    retry: false,
  }).data?.items;
  const stats = useQuery({
    queryKey: keys.endpointStats(id ?? ""),
    queryFn: () => api.endpointStats(id!),
    enabled: saved,
    retry: false,
  }).data;
  const [last] = recent ?? [];
  const fails = last !== undefined && isFailure(last);
  const failed = recent?.filter(isFailure).length ?? 0;
  const waiting = recent?.filter(({ state }) => state === "waiting").length ?? 0;
  const retry = async (): Promise<void> => {
    const sent = await attempt(api.retryDeliveries({ endpoint: id, state: "exhausted" }));
    const more = await attempt(api.retryDeliveries({ endpoint: id, state: "failed" }));
    if (sent && more) tell(`Resending ${count(sent.deliveries + more.deliveries)}`);
  };
  return (
    <article
      aria-label={`Forward to ${name || to}`}
      className={`flex flex-col overflow-hidden rounded-[9px] border bg-pane ${fails ? "border-invalid" : "border-line"}`}
    >
      <header className="flex items-center gap-2 border-b border-line px-3 py-1.5">
        <span className="rounded-[5px] bg-selection px-1.5 text-small font-medium text-accent">
          {mode === "proxy" ? "Proxy" : "Mirror"}
        </span>
        <strong className="truncate font-semibold">{visible(name || "Forward")}</strong>
        <span className="truncate text-small text-ink-2">
          {mode === "proxy" ? "the sender gets its response" : "after the response"}
        </span>
        <span className="ml-auto flex items-center gap-1">
          <Toggle label="Forward enabled" checked={enabled ?? true} onChange={(now) => onChange({ enabled: now })} />
          <RowMenu
            label={`Actions of ${name || to}`}
            items={[
              ["Edit", onEdit],
              ["Delete", onRemove],
            ]}
          />
        </span>
      </header>
      <div className="flex-1 space-y-1.5 px-3 py-2">
        <p className="flex items-center gap-1">
          <code className="truncate font-mono text-data" title={visible(to)}>
            {visible(to)}
          </code>
          <IconButton label="Copy URL" icon={Copy} className="h-6!" onClick={() => copyText(to, "URL")} />
        </p>
        <ForwardSentence forward={forward} />
        <Recent items={recent ?? []} />
      </div>
      <dl className="grid grid-cols-4 gap-2 border-t border-line px-3 py-2">
        <Figure name="Last status">{last?.status ? <Status status={last.status} /> : last ? "✕" : "–"}</Figure>
        <Figure name="Success, 24 h">
          {stats?.success_rate == null ? "–" : `${(stats.success_rate * 100).toFixed(1)} %`}
        </Figure>
        <Figure name="p50">{stats?.p50_ms == null ? "–" : duration(stats.p50_ms)}</Figure>
        <Figure name="Waiting">{count(waiting)}</Figure>
      </dl>
      {fails && (
        <footer className="flex items-center gap-3 border-t border-line px-3 py-1.5">
          <span className="min-w-0 flex-1 truncate text-invalid">
            {visible(last.error ?? (last.status ? `The app responded with ${last.status}.` : (last.reason ?? "")))}
          </span>
          <Button icon={RotateCw} onClick={() => void retry()}>
            Resend {count(failed)} failed
          </Button>
        </footer>
      )}
    </article>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-small text-ink-2">{name}</dt>
      <dd className="font-semibold">{children}</dd>
    </div>
  );
}

/** The last results as bars, oldest first. */
function Recent({ items }: { items: readonly Delivery[] }) {
  if (items.length === 0) return <p className="text-small text-ink-2">Nothing forwarded yet.</p>;
  const failed = items.filter(isFailure).length;
  return (
    <p className="flex items-end gap-2">
      <span
        role="img"
        aria-label={`${failed} of the last ${items.length} failed`}
        className="flex h-4 items-end gap-px"
      >
        {items.toReversed().map((one) => (
          <span
            key={one.id}
            className={`w-1 rounded-[1px] ${isFailure(one) ? "h-4 bg-invalid" : one.state === "delivered" ? "h-2.5 bg-phase-first" : "h-1.5 bg-ink-3"}`}
          />
        ))}
      </span>
      <span className="text-small text-ink-2">last {items.length}</span>
    </p>
  );
}
