import { Copy, Eye, RefreshCw } from "lucide-react";
import { useState } from "react";

import { api, type Endpoint } from "../../api/client";
import { IconButton } from "../../ui/button";
import { confirm } from "../../ui/confirm";
import { attempt, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";

const ROTATION =
  "New events are signed with the new secret. If the vendor's signature can carry two secrets, the old one also stays in use for 24 hours. Otherwise the old secret stops working now, and your handler needs the new one.";

/** The signing secret of an endpoint, hidden by default. */
export function EndpointSecret({ endpoint: { id, secrets } }: { endpoint: Endpoint }) {
  const [shown, setShown] = useState<string>();
  if (!secrets?.length) return <p className="text-ink-2">Events are not signed.</p>;
  const first = (): Promise<string> => api.endpointSecrets(id).then(({ items }) => items[0]?.value ?? "");
  const rotate = async (): Promise<void> => {
    if (!(await confirm("Rotate the signing secret?", ROTATION, "Rotate"))) return;
    const changed = await attempt(api.rotateSecret(id));
    if (!changed) return;
    setShown(undefined);
    tell(
      (changed.secrets?.length ?? 0) > 1 ? "Secret rotated; the old one stays in use for 24 hours" : "Secret rotated",
    );
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
      <IconButton label="Rotate secret" icon={RefreshCw} onClick={() => void rotate()} />
      {secrets.length > 1 && <span className="text-small text-ink-2">and the previous secret</span>}
    </p>
  );
}
