import type { Tunnel } from "../../api/client";
import { useTunnels } from "../../api/queries";

/** The label and the color of each state. */
const STATES: Record<Tunnel["connection"]["state"], readonly [word: string, color: string]> = {
  off: ["Stopped", "bg-ink-3"],
  connecting: ["Connecting", "bg-warning"],
  online: ["Online", "bg-accent"],
  waiting: ["Offline, reconnecting", "bg-warning"],
  failed: ["Failed", "bg-invalid"],
};

/** Returns the label and the color of a tunnel. For another program, only the local end is known. */
export function statusOf({ kind, connection }: Tunnel): readonly [word: string, color: string] {
  const [word, color] = STATES[connection.state];
  return kind.type === "other" && connection.state === "online" ? ["Listening", color] : [word, color];
}

/** The tunnel status in the status bar. */
export function TunnelStatus() {
  const items = useTunnels().data?.items ?? [];
  const wanted = items.filter(({ on }) => on);
  const first = wanted.find(({ connection }) => connection.state !== "online") ?? wanted[0];
  if (!first) return <span>tunnel off</span>;
  const [word, color] = statusOf(first);
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className={`size-2 rounded-full ${color}`} /> tunnel {word.toLowerCase()}
    </span>
  );
}
