import { Copy, Eye } from "lucide-react";
import { useState } from "react";

import { api, type Endpoint } from "../../api/client";
import { Button, IconButton } from "../../ui/button";
import { confirm } from "../../ui/confirm";
import { attempt, offerUndo } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { Card } from "./card";

const ROTATION =
  "New events are signed with the new secret. If the vendor's signature can carry two secrets, the old one also stays in use for 24 hours. Otherwise the old secret stops working now, and your handler needs the new one.";

/** The secret of an endpoint: hidden until it is revealed, copied, or rotated. */
export function EndpointSecret({ endpoint: { id, secrets } }: { endpoint: Endpoint }) {
  const [shown, setShown] = useState<string>();
  const first = async (): Promise<string> => (await api.endpointSecrets(id)).items[0]?.value ?? "";
  const rotate = async (): Promise<void> => {
    if (!(await confirm("Rotate secret?", ROTATION, "Rotate secret"))) return;
    const before = await attempt(api.endpointSecrets(id));
    const rotated = before && (await attempt(api.rotateSecret(id)));
    if (!rotated) return;
    setShown(undefined);
    offerUndo("Secret rotated", () => api.changeEndpoint(id, { settings: { secrets: before.items } }));
  };
  if (!secrets?.length) return null;
  return (
    <Card title="Signing secret" action={<Button onClick={() => void rotate()}>Rotate secret…</Button>}>
      <p className="flex items-center gap-1">
        <code className="min-w-0 flex-1 font-mono text-data break-all">{shown ?? "••••••••"}</code>
        <IconButton
          label={shown ? "Hide secret" : "Reveal secret"}
          icon={Eye}
          pressed={Boolean(shown)}
          onClick={() => void (shown ? setShown(undefined) : attempt(first().then(setShown)))}
        />
        <IconButton label="Copy secret" icon={Copy} onClick={() => copyText(first(), "secret")} />
      </p>
      {secrets.length > 1 && <p className="text-small text-ink-2">and the previous secret</p>}
    </Card>
  );
}
