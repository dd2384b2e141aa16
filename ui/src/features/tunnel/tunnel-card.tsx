import { Copy, Globe, KeyRound, Play, Square, Trash2 } from "lucide-react";
import { useState } from "react";

import { api, type Exposure, type Tunnel } from "../../api/client";
import { useInboxes } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { moment, visible } from "../../ui/format";
import { Select } from "../../ui/select";
import { attempt } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { ExposeDialog } from "./expose-form";
import { ExposedInbox } from "./exposed-inbox";
import { RemoveTunnel } from "./remove-tunnel";
import { statusOf } from "./tunnel-status";

/** Labels and descriptions of durable and live tunnels. */
const MEANS = {
  durable: ["Durable", "The relay stores requests while this computer is offline."],
  live: ["Live", "While this computer is offline, senders get errors and nothing is stored."],
} as const;

/** A tunnel: its status, its remote end and its exposed inboxes. */
export function TunnelCard({ tunnel }: { tunnel: Tunnel }) {
  const inboxes = useInboxes().data?.items ?? [];
  const [exposing, setExposing] = useState<{ inbox: string; exposure?: Exposure }>();
  const [removing, setRemoving] = useState(false);
  const hidden = inboxes.filter(({ name }) => !tunnel.exposures.some(({ inbox }) => inbox === name));
  const [word, color] = statusOf(tunnel);
  const { kind, connection } = tunnel;
  const [duration, means] = tunnel.durable ? MEANS.durable : MEANS.live;
  return (
    <article aria-label={`Tunnel to ${tunnel.name}`} className="mb-6 rounded-[9px] border border-line bg-pane">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-3">
        <Globe size={18} aria-hidden className="text-accent" />
        <div className="min-w-0 flex-1">
          <h2 className="truncate font-mono text-data">{visible(tunnel.name)}</h2>
          <p className="flex flex-wrap items-center gap-x-2 text-ink-2" role="status">
            <span aria-hidden className={`size-2 rounded-full ${color}`} />
            {word}
            {connection.state === "online" && (
              <span>
                since {moment(connection.since)}
                {connection.round_trip_ms != null && `, ${connection.round_trip_ms.toFixed(1)} ms round trip`}
              </span>
            )}
          </p>
        </div>
        <span className="rounded-md border border-line px-2 py-0.5 text-small">{duration}</span>
        {tunnel.on && connection.state !== "failed" ? (
          <Button icon={Square} onClick={() => void attempt(api.changeTunnel(tunnel.id, false))}>
            Stop
          </Button>
        ) : (
          <Button look="primary" icon={Play} onClick={() => void attempt(api.changeTunnel(tunnel.id, true))}>
            Start
          </Button>
        )}
        <IconButton label="Delete tunnel" icon={Trash2} onClick={() => setRemoving(true)} />
      </header>
      <div className="p-4">
        {(connection.state === "waiting" || connection.state === "failed") && (
          <p role="alert" className="mb-3 text-invalid">
            {visible(connection.why)}
            {connection.state === "waiting" && (
              <span className="text-ink-2">
                {" "}
                {tunnel.durable
                  ? "If the relay runs, it stores requests meanwhile; else senders get errors."
                  : "Senders get errors meanwhile."}
              </span>
            )}
          </p>
        )}
        {tunnel.last_drop && connection.state === "online" && (
          <p className="mb-3 text-ink-2">
            Last disconnected at {moment(tunnel.last_drop.at)}: {visible(tunnel.last_drop.why)}
          </p>
        )}
        {connection.state !== "waiting" && <p className="mb-3 text-ink-2">{means}</p>}
        {kind.type === "ssh" && <Host id={tunnel.id} {...kind} />}
        {kind.type === "other" && <Leads {...kind} />}
        {tunnel.exposures.length === 0 ? <p className="mb-3 text-ink-2">No inbox is exposed yet.</p> : null}
        <ul>
          {tunnel.exposures.map((exposure) => (
            <ExposedInbox
              key={exposure.inbox}
              tunnel={tunnel}
              exposure={exposure}
              onEdit={() => setExposing({ inbox: exposure.inbox, exposure })}
            />
          ))}
        </ul>
        {hidden.length > 0 && (
          <div className="flex items-center gap-2">
            <span aria-hidden className="text-ink-2">
              Expose
            </span>
            <Select
              aria-label="Expose"
              className="w-56!"
              value=""
              options={[["", "an inbox…"], ...hidden.map(({ name }) => [name, name] as const)]}
              onChange={(inbox) => setExposing({ inbox })}
            />
          </div>
        )}
      </div>
      {exposing && (
        <ExposeDialog
          tunnel={tunnel}
          inbox={exposing.inbox}
          exposure={exposing.exposure}
          onClose={() => setExposing(undefined)}
        />
      )}
      <Dialog title="Delete this tunnel?" open={removing} onClose={() => setRemoving(false)}>
        <RemoveTunnel tunnel={tunnel} onClose={() => setRemoving(false)} />
      </Dialog>
    </article>
  );
}

/** The host key of an SSH host. */
function Host({ id, host_key, offered_key }: { id: string } & Extract<Tunnel["kind"], { type: "ssh" }>) {
  if (!offered_key) {
    return (
      <p className="mb-3 text-ink-2">
        Host key <code className="font-mono text-data break-all">{visible(host_key)}</code>, trusted on first use. Other
        keys are rejected.
      </p>
    );
  }
  return (
    <div className="mb-3 rounded-[9px] border border-line bg-background p-3">
      <p className="mb-2">
        Trust the new key only if the operator of the host confirms it. Otherwise requests could reach an impostor.
      </p>
      <p className="mb-3 font-mono text-data break-all">{visible(offered_key)}</p>
      <Button icon={KeyRound} onClick={() => void attempt(api.trustHost(id, offered_key))}>
        Trust key
      </Button>
    </div>
  );
}

/** The local address to which the tunnel program must forward. */
function Leads({ local }: Extract<Tunnel["kind"], { type: "other" }>) {
  return (
    <p className="mb-3 flex flex-wrap items-center gap-x-2 text-ink-2">
      Forward the program to <code className="font-mono text-data text-ink">{local}</code>
      <IconButton label="Copy local address" icon={Copy} onClick={() => copyText(local, "address")} />
    </p>
  );
}
