import { Link } from "@tanstack/react-router";
import { Globe } from "lucide-react";

import { useTunnels } from "../../api/queries";
import { count, visible } from "../../ui/format";
import { statusOf } from "./tunnel-status";

/** The first running tunnel with its address and its backlog, as a card that leads to the page of tunnels. */
export function TunnelSummary() {
  const items = useTunnels().data?.items;
  if (!items) return null;
  const shown = items.find(({ on }) => on) ?? items[0];
  const [word, color] = shown ? statusOf(shown) : ["Off", "bg-ink-3"];
  const [exposure] = shown?.exposures ?? [];
  const backlog = shown?.exposures.reduce((sum, one) => sum + one.backlog, 0) ?? 0;
  return (
    <Link to="/tunnels" className="block rounded-[8px] border border-line bg-pane px-2.5 py-1.5 hover:bg-hover">
      <span className="flex items-center gap-2">
        <Globe size={14} aria-hidden className="shrink-0 text-ink-2" />
        <span className="font-medium">Tunnel</span>
        <span className="ml-auto flex items-center gap-1.5 text-small text-ink-2">
          <span aria-hidden className={`size-1.5 rounded-full ${color}`} /> {word}
        </span>
      </span>
      {exposure?.url && (
        <span className="block truncate font-mono text-[11px] leading-4 text-ink-2">
          {visible(exposure.url.replace(/^https?:\/\//, ""))}
        </span>
      )}
      {backlog > 0 && <span className="block text-small text-warning">backlog {count(backlog)}</span>}
    </Link>
  );
}
