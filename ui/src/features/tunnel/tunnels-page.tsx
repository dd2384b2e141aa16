/** Tunnels: how inboxes are reached from outside. */
import { Copy, Globe, KeyRound, Play, Plus, QrCode, SlidersHorizontal, Square, Trash2, X } from "lucide-react";
import { useState } from "react";

import { api, type Exposure, type Tunnel } from "../../api/client";
import { firstKeys, useCommands } from "../../app/commands";
import { useInboxes, useTunnels } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Select } from "../../ui/input";
import { count, moment, visible } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { inWords, platform } from "../../platform";
import { OfflineBacklog } from "./offline-backlog";
import { ExposeDialog } from "./expose-form";
import { QrImage } from "./qr-image";
import { StartDialog } from "./start-form";

/** What stands for a state: a word, and a colour that never stands alone. */
export const STATES: Record<Tunnel["state"]["is"], readonly [word: string, colour: string]> = {
  off: ["Stopped", "bg-ink-3"],
  connecting: ["Connecting", "bg-warning"],
  online: ["Online", "bg-accent"],
  waiting: ["Down, dialling again", "bg-warning"],
  over: ["Ended", "bg-invalid"],
};

/** The word and colour for how a tunnel stands. Of another program's only this end is known. */
function standing({ kind, state }: Tunnel): readonly [word: string, colour: string] {
  const [word, colour] = STATES[state.is];
  return kind.is === "other" && state.is === "online" ? ["Listening", colour] : [word, colour];
}

/** What it means for a tunnel to be of its kind. */
const MEANS = {
  durable: ["Durable", "The relay keeps what arrives while this machine is away."],
  live: ["Live", "While this machine is away, senders are refused, and nothing is kept for it."],
} as const;

export function TunnelsPage() {
  const items = useTunnels().data?.items;
  const [starting, setStarting] = useState(false);
  useCommands({ "new-tunnel": () => setStarting(true) });
  if (!items) return null;
  return (
    <section aria-label="Tunnels" className="h-full min-h-0 overflow-auto p-6">
      <div className="mx-auto max-w-4xl">
        <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
          <h1 className="text-title font-semibold tracking-tight">Tunnels</h1>
          <Button
            look={items.length ? "plain" : "primary"}
            icon={Plus}
            keys={firstKeys("new-tunnel")}
            onClick={() => setStarting(true)}
          >
            New tunnel
          </Button>
        </div>
        {items.length === 0 && <Nothing />}
        {items.map((tunnel) => (
          <Sheet key={tunnel.id} tunnel={tunnel} />
        ))}
      </div>
      <StartDialog open={starting} onClose={() => setStarting(false)} />
    </section>
  );
}

function Nothing() {
  return (
    <div className="max-w-prose text-ink-2">
      <p className="mb-3">
        A tunnel gives an inbox a public URL. A relay keeps every webhook on disk before it answers, also while this
        machine sleeps, and hands it over when you are back: nothing is lost, and nothing arrives twice.
      </p>
      <p className="mb-1">A relay is this same program on any server of yours:</p>
      <pre className="mb-3 overflow-auto rounded-[7px] border border-line bg-pane p-3 font-mono text-data text-ink">
        hookline relay serve --listen 0.0.0.0:443 --domain relay.example{"\n"}hookline relay device add
      </pre>
      <p className="mb-3">The second line prints a code; with it this machine is let in.</p>
      <p>
        Without one, an SSH host such as localhost.run does, or the tunnel of another program, such as ngrok. These are
        live: what is sent while this machine is away is refused.
      </p>
    </div>
  );
}

function Sheet({ tunnel }: { tunnel: Tunnel }) {
  const inboxes = useInboxes().data?.items ?? [];
  const [exposing, setExposing] = useState<{ inbox: string; exposure?: Exposure }>();
  const [removing, setRemoving] = useState(false);
  const hidden = inboxes.filter(({ name }) => !tunnel.exposures.some(({ inbox }) => inbox === name));
  const [word, colour] = standing(tunnel);
  const { kind, state } = tunnel;
  const [lasts, means] = tunnel.durable ? MEANS.durable : MEANS.live;
  return (
    <article aria-label={`Tunnel to ${tunnel.name}`} className="mb-6 rounded-[9px] border border-line bg-pane">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-3">
        <Globe size={18} aria-hidden className="text-accent" />
        <div className="min-w-0 flex-1">
          <h2 className="truncate font-mono text-data">{visible(tunnel.name)}</h2>
          <p className="flex flex-wrap items-center gap-x-2 text-ink-2" role="status">
            <span aria-hidden className={`size-2 rounded-full ${colour}`} />
            {word}
            {state.is === "online" && (
              <span>
                since {moment(state.since)}
                {state.round_trip_ms != null && `, ${state.round_trip_ms.toFixed(1)} ms there and back`}
              </span>
            )}
          </p>
        </div>
        <span className="rounded-md border border-line px-2 py-0.5 text-small">{lasts}</span>
        {tunnel.on && state.is !== "over" ? (
          <Button icon={Square} onClick={() => void attempt(api.changeTunnel(tunnel.id, false))}>
            Stop
          </Button>
        ) : (
          <Button look="primary" icon={Play} onClick={() => void attempt(api.changeTunnel(tunnel.id, true))}>
            Start
          </Button>
        )}
        <IconButton label="Remove this tunnel" icon={Trash2} onClick={() => setRemoving(true)} />
      </header>
      <div className="p-4">
        {(state.is === "waiting" || state.is === "over") && (
          <p role="alert" className="mb-3 text-invalid">
            {visible(state.why)}
            {state.is === "waiting" && (
              <span className="text-ink-2">
                {" "}
                {tunnel.durable ? "What arrives meanwhile is kept by the relay." : "Senders are refused meanwhile."}
              </span>
            )}
          </p>
        )}
        {tunnel.last_drop && state.is === "online" && (
          <p className="mb-3 text-ink-2">
            Last down at {moment(tunnel.last_drop.at)}: {visible(tunnel.last_drop.why)}
          </p>
        )}
        {state.is !== "waiting" && <p className="mb-3 text-ink-2">{means}</p>}
        {kind.is === "ssh" && <Host id={tunnel.id} {...kind} />}
        {kind.is === "other" && <Leads {...kind} />}
        {tunnel.exposures.length === 0 ? (
          <p className="mb-3 text-ink-2">No inbox can be reached through it yet.</p>
        ) : null}
        <ul>
          {tunnel.exposures.map((exposure) => (
            <Exposed
              key={exposure.inbox}
              tunnel={tunnel}
              exposure={exposure}
              onEdit={() => setExposing({ inbox: exposure.inbox, exposure })}
            />
          ))}
        </ul>
        {hidden.length > 0 && (
          <label className="flex items-center gap-2">
            <span className="text-ink-2">Expose</span>
            <Select
              className="w-56!"
              value=""
              options={[["", "an inbox…"], ...hidden.map(({ name }) => [name, name] as const)]}
              onChange={(inbox) => setExposing({ inbox })}
            />
          </label>
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
      <Dialog title="Remove this tunnel?" open={removing} onClose={() => setRemoving(false)}>
        <Removing tunnel={tunnel} onClose={() => setRemoving(false)} />
      </Dialog>
    </article>
  );
}

/** What is known of an SSH host. */
function Host({ id, host_key, offered_key }: { id: string } & Extract<Tunnel["kind"], { is: "ssh" }>) {
  if (!offered_key) {
    return (
      <p className="mb-3 text-ink-2">
        Host key <code className="font-mono text-data break-all">{visible(host_key)}</code>, believed on first use; no
        other one is.
      </p>
    );
  }
  return (
    <div className="mb-3 rounded-[9px] border border-line bg-background p-3">
      <p className="mb-2">
        If whoever runs the host says that the new key is right, it can be trusted from now on. Else leave it: what is
        sent to it might reach somebody else.
      </p>
      <p className="mb-3 font-mono text-data break-all">{visible(offered_key)}</p>
      <Button icon={KeyRound} onClick={() => void attempt(api.trustHost(id, offered_key))}>
        Trust this key
      </Button>
    </div>
  );
}

/** Where another program has to lead. */
function Leads({ local }: Extract<Tunnel["kind"], { is: "other" }>) {
  const copy = (): void => void attempt(platform.copyText(local).then(() => tell("Copied address")));
  return (
    <p className="mb-3 flex flex-wrap items-center gap-x-2 text-ink-2">
      Let that program lead to <code className="font-mono text-data text-ink">{local}</code>
      <IconButton label="Copy the address it has to lead to" icon={Copy} onClick={copy} />
    </p>
  );
}

function Removing({ tunnel, onClose }: { tunnel: Tunnel; onClose: () => void }) {
  const [open, setOpen] = useState<string>();
  const remove = async (): Promise<void> => {
    try {
      await api.removeTunnel(tunnel.id, open !== undefined);
      onClose();
    } catch (failure) {
      setOpen(inWords(failure));
    }
  };
  return (
    <>
      <p className="mb-4">
        Its public URLs end for good{tunnel.durable && ", and what waits at the relay is dropped"}. Requests that are
        here stay.
      </p>
      {open && (
        <p role="alert" className="mb-4 text-invalid">
          {visible(open)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Keep it</Button>
        <Button look="danger" type="submit" icon={Trash2} onClick={() => void remove()}>
          {open ? "Remove it all the same" : "Remove"}
        </Button>
      </div>
    </>
  );
}

function Exposed({ tunnel, exposure, onEdit }: { tunnel: Tunnel; exposure: Exposure; onEdit: () => void }) {
  const [showing, setShowing] = useState(false);
  const { inbox, url, waiting, keyed, settings } = exposure;
  const guards = [
    settings.basic && "name and password",
    settings.allow?.length &&
      (settings.allow.length === 1 ? "one network" : `${count(settings.allow.length)} networks`),
    settings.verified_only && "verified signatures only",
    settings.give_secrets && "the relay has its secrets",
  ].filter(Boolean);
  return (
    <li className="mb-4 border-b border-line pb-4 last:border-0 last:pb-0" aria-label={`Inbox ${inbox}`}>
      <div className="mb-1 flex flex-wrap items-center gap-2">
        <strong className="w-28 truncate">{inbox}</strong>
        <div className="control flex min-w-0 flex-1 basis-72 items-center rounded-[7px] border border-line bg-background pl-3">
          <code className="min-w-0 flex-1 truncate font-mono text-data">{visible(url) || "not known yet"}</code>
          <IconButton
            label={`Copy the public URL of ${inbox}`}
            icon={Copy}
            onClick={() => void attempt(platform.copyText(url).then(() => tell("Copied public URL")))}
          />
          <IconButton label={`QR code of ${inbox}`} icon={QrCode} onClick={() => setShowing(true)} />
        </div>
        <IconButton label={`How ${inbox} is exposed`} icon={SlidersHorizontal} onClick={onEdit} />
        <IconButton
          label={`End the exposure of ${inbox}`}
          icon={X}
          onClick={() =>
            void attempt(api.conceal(tunnel.id, inbox).then(() => tell(`${inbox} is no longer reached from outside`)))
          }
        />
      </div>
      <p className="text-small text-ink-2">
        {tunnel.durable && (waiting > 0 ? `${count(waiting)} wait at the relay. ` : "Nothing waits at the relay. ")}
        {guards.length > 0 && `Guarded: ${guards.join(", ")}. `}
        {keyed.length > 0 && `While this machine is away, the relay does not answer: ${keyed.join(", ")}.`}
      </p>
      {exposure.problem && (
        <p className="text-small text-invalid">The relay does not have it as it is set: {visible(exposure.problem)}</p>
      )}
      <OfflineBacklog exposure={exposure} />
      <Dialog title={`Public URL of ${inbox}`} open={showing} onClose={() => setShowing(false)}>
        <QrImage text={url} />
        <p className="mt-3 font-mono text-data break-all">{url}</p>
      </Dialog>
    </li>
  );
}

/** A word for the status bar. */
export function TunnelStatus() {
  const items = useTunnels().data?.items ?? [];
  const wanted = items.filter(({ on }) => on);
  const first = wanted.find(({ state }) => state.is !== "online") ?? wanted[0];
  if (!first) return <span>tunnel off</span>;
  const [word, colour] = standing(first);
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className={`size-2 rounded-full ${colour}`} /> tunnel {word.toLowerCase()}
    </span>
  );
}
