import { Copy, QrCode, SlidersHorizontal, X } from "lucide-react";
import { useState } from "react";

import { api, type Exposure, type Tunnel } from "../../api/client";
import { IconButton } from "../../ui/button";
import { confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { count, visible } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { OfflineBacklog } from "./offline-backlog";
import { QrImage } from "./qr-image";

/** Takes the public URL of an inbox away after a confirmation, because the same URL never comes back. */
async function unexpose(tunnel: string, inbox: string): Promise<void> {
  const text = `The public URL of ${inbox} stops working, and exposing the inbox again creates another URL.`;
  if (!(await confirm(`Unexpose ${inbox}?`, text, "Unexpose"))) return;
  await attempt(api.unexpose(tunnel, inbox).then(() => tell(`${inbox} is no longer exposed`)));
}

/** An exposed inbox: its public URL, its access control and the requests waiting at the relay. */
export function ExposedInbox({ tunnel, exposure, onEdit }: { tunnel: Tunnel; exposure: Exposure; onEdit: () => void }) {
  const [showing, setShowing] = useState(false);
  const { inbox, url, waiting, keyed, settings } = exposure;
  const guards = [
    settings.basic && "password",
    settings.allow?.length &&
      (settings.allow.length === 1 ? "one network" : `${count(settings.allow.length)} networks`),
    settings.verified_only && "verified requests only",
    settings.give_secrets && "secrets shared with relay",
  ].filter(Boolean);
  return (
    <li className="mb-4 border-b border-line pb-4 last:border-0 last:pb-0" aria-label={`Inbox ${inbox}`}>
      <div className="mb-1 flex flex-wrap items-center gap-2">
        <strong className="w-28 truncate">{inbox}</strong>
        <div className="control flex min-w-0 flex-1 basis-72 items-center rounded-[7px] border border-line bg-background pl-3">
          <code className="min-w-0 flex-1 truncate font-mono text-data">{visible(url) || "pending"}</code>
          <IconButton label={`Copy public URL of ${inbox}`} icon={Copy} onClick={() => copyText(url, "public URL")} />
          <IconButton label={`QR code of ${inbox}`} icon={QrCode} onClick={() => setShowing(true)} />
        </div>
        <IconButton label={`Edit exposure of ${inbox}`} icon={SlidersHorizontal} onClick={onEdit} />
        <IconButton label={`Unexpose ${inbox}`} icon={X} onClick={() => void unexpose(tunnel.id, inbox)} />
      </div>
      <p className="text-small text-ink-2">
        {tunnel.durable &&
          (waiting > 0 ? `${count(waiting)} waiting at the relay. ` : "No requests waiting at the relay. ")}
        {guards.length > 0 && `Access: ${guards.join(", ")}. `}
        {keyed.length > 0 && `No response to handshakes while this computer is offline: ${keyed.join(", ")}.`}
      </p>
      {exposure.problem && (
        <p className="text-small text-invalid">
          The relay does not have the current settings: {visible(exposure.problem)}
        </p>
      )}
      <OfflineBacklog exposure={exposure} />
      <Dialog title={`Public URL of ${inbox}`} open={showing} onClose={() => setShowing(false)}>
        <QrImage text={url} />
        <p className="mt-3 font-mono text-data break-all">{url}</p>
      </Dialog>
    </li>
  );
}
