import { Copy, QrCode, SlidersHorizontal, X } from "lucide-react";
import { useState } from "react";

import { api, type Exposure, type Tunnel } from "../../api/client";
import { IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { count, visible } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { OfflineBacklog } from "./offline-backlog";
import { QrImage } from "./qr-image";

/** An exposed inbox: its public URL, its access control, and the requests that wait at the relay. */
export function ExposedInbox({ tunnel, exposure, onEdit }: { tunnel: Tunnel; exposure: Exposure; onEdit: () => void }) {
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
            onClick={() => copyText(url, "public URL")}
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
