import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";

import { api } from "../api/client";
import { useTransfers, useReplays, useStatus } from "../api/queries";
import type { PipelineStage } from "../api/types";
import { Keys } from "../ui/button";
import { perform } from "./commands";
import { useRate } from "./rate";
import { count, size, visible } from "../ui/format";
import { attempt } from "../ui/toasts";
import { TunnelStatus } from "../features/tunnel";

/** Classes of an entry that leads to its page. */
const ENTRY = "flex items-center gap-2 rounded hover:text-ink";

/** Lag from which a stage is shown, in ms. */
const LATE_MS = 3_000;

const DOING: Record<PipelineStage, string> = {
  verify: "verifying",
  forward: "forwarding",
  schema: "inferring schemas",
  index: "indexing",
  alerts: "raising alerts",
};

export function StatusBar() {
  const status = useStatus().data;
  const rate = useRate();
  const transfers = useTransfers();
  const replays = useReplays().data?.items.filter(({ ended_at, total }) => !ended_at && total !== 1) ?? [];
  if (!status) return <footer className="h-7 border-t border-line bg-sidebar" />;
  const { listener } = status;
  const late = status.pipeline.find(({ behind_ms }) => behind_ms > LATE_MS);
  return (
    <footer
      aria-label="Status"
      className="flex h-7 shrink-0 items-center gap-5 overflow-hidden border-t border-line bg-sidebar px-3 text-small whitespace-nowrap text-ink-2"
    >
      <Link to="/settings" hash="listener-address" title="Listener settings" className={ENTRY}>
        <span
          aria-hidden
          className={`size-2 rounded-full ${listener.state === "listening" ? "bg-accent" : "bg-invalid"}`}
        />
        {listener.state === "listening"
          ? listener.address
          : listener.state === "failed"
            ? `not listening on ${listener.address}`
            : "not listening"}
      </Link>
      <Link to="/tunnels" title="Tunnels" className={ENTRY}>
        <TunnelStatus />
      </Link>
      <Link to="/requests/{-$request}" params={{ request: undefined }} title="All requests" className={ENTRY}>
        {count(rate)} req/s
      </Link>
      <Link to="/deliveries/{-$delivery}" params={{ delivery: undefined }} title="Deliveries" className={ENTRY}>
        {count(status.queue)} queued
      </Link>
      {status.connections_refused > 0 && (
        <span className="text-warning">{count(status.connections_refused)} connections refused</span>
      )}
      {transfers.map((job) => (
        <span key={job.id} className="flex items-center gap-1">
          {job.kind === "import"
            ? `importing ${visible(job.path ?? "")}, ${count(job.imported?.requests ?? 0)}`
            : `exporting, ${count(job.done)}`}
          <button
            type="button"
            aria-label={`Cancel the ${job.kind}`}
            className="hover:text-ink"
            onClick={() => void attempt(api.cancelJob(job.id))}
          >
            <X size={13} aria-hidden />
          </button>
        </span>
      ))}
      {replays.map((replay) => (
        <span key={replay.id} className="flex items-center gap-1">
          {replay.state === "collecting"
            ? `collecting requests, ${count(replay.total)}`
            : `replaying, ${count(replay.delivered + replay.failed)} of ${count(replay.total)}`}
          <button
            type="button"
            aria-label="Cancel the replay"
            className="hover:text-ink"
            onClick={() => void attempt(api.cancelReplay(replay.id))}
          >
            <X size={13} aria-hidden />
          </button>
        </span>
      ))}
      {late && (
        <span role="status">
          {DOING[late.stage]}, {count(late.waiting)} remaining
        </span>
      )}
      {status.search.busy && !late && <span role="status">indexing, {count(status.search.waiting)} remaining</span>}
      {status.update && (
        <Link to="/settings" hash="updates" title="A new version is available" className={`text-accent ${ENTRY}`}>
          Version {status.update.version} is available
        </Link>
      )}
      <Link to="/settings" hash="retention" title="Retention" className={`ml-auto ${ENTRY}`} data-testid="stored">
        {count(status.requests)} {status.requests === 1 ? "request" : "requests"} · {size(status.bytes)}
      </Link>
      <button type="button" className={`max-md:hidden ${ENTRY}`} onClick={() => perform("help")}>
        <Keys keys="?" /> Shortcuts
      </button>
    </footer>
  );
}
