import { Copy, Eye, RefreshCw } from "lucide-react";
import { useState } from "react";

import { api, type Endpoint } from "../../api/client";
import { IconButton } from "../../ui/button";
import { confirm } from "../../ui/confirm";
import { attempt, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";

const ROTATION =
  "New events use the new secret. The old one signs beside it for 24 hours where the vendor's signature can hold two; elsewhere it stops working now, and your handler needs the new one.";

/** The secret an endpoint signs with, hidden until it is asked for. */
export function EndpointSecret({ endpoint: { id, secrets } }: { endpoint: Endpoint }) {
  const [shown, setShown] = useState<string>();
  if (!secrets?.length) return <p className="text-ink-2">It signs nothing.</p>;
  const first = (): Promise<string> => api.endpointSecrets(id).then(({ items }) => items[0]?.value ?? "");
  const rotate = async (): Promise<void> => {
    if (!(await confirm("Replace the signing secret?", ROTATION, "Replace"))) return;
    const changed = await attempt(api.rotateSecret(id));
    if (!changed) return;
    setShown(undefined);
    tell((changed.secrets?.length ?? 0) > 1 ? "A new secret; the old one signs for a day beside it" : "A new secret");
  };
  return (
    <p className="flex flex-wrap items-center gap-1">
      <span className="text-ink-2">Signing secret</span>
      <code className="font-mono text-data break-all">{shown ?? "••••••••"}</code>
      <IconButton
        label={shown ? "Hide secret" : "Reveal secret"}
        icon={Eye}
        pressed={Boolean(shown)}
        onClick={() => void (shown ? setShown(undefined) : attempt(first().then(setShown)))}
      />
      <IconButton label="Copy secret" icon={Copy} onClick={() => copyText(first(), "secret")} />
      <IconButton label="New secret" icon={RefreshCw} onClick={() => void rotate()} />
      {secrets.length > 1 && <span className="text-small text-ink-2">and an old one beside it</span>}
    </p>
  );
}
