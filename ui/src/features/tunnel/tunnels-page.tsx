/** The page of tunnels, which give inboxes public URLs. */
import { Plus } from "lucide-react";
import { useState } from "react";

import { useTunnels } from "../../api/queries";
import { firstKeys, useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { Page } from "../../ui/page";
import { StartDialog } from "./start-form";
import { TunnelCard } from "./tunnel-card";

export function TunnelsPage() {
  const items = useTunnels().data?.items;
  const [starting, setStarting] = useState(false);
  useCommands({ "new-tunnel": () => setStarting(true) });
  if (!items) return null;
  return (
    <Page
      title="Tunnels"
      subtitle="Public URLs for inboxes on this computer."
      actions={
        <Button
          look={items.length ? "plain" : "primary"}
          icon={Plus}
          keys={firstKeys("new-tunnel")}
          onClick={() => setStarting(true)}
        >
          New tunnel
        </Button>
      }
    >
      {items.length === 0 && <NoTunnel />}
      {items.map((tunnel) => (
        <TunnelCard key={tunnel.id} tunnel={tunnel} />
      ))}
      <StartDialog open={starting} onClose={() => setStarting(false)} />
    </Page>
  );
}

function NoTunnel() {
  return (
    <div className="max-w-prose text-ink-2">
      <p className="mb-3">
        A tunnel gives an inbox a public URL. A relay stores every request on disk before it responds, and delivers
        stored requests when this computer comes online. No request is lost or delivered twice.
      </p>
      <p className="mb-1">To run a relay, start Hookbench on a server:</p>
      <pre className="mb-3 overflow-auto rounded-[7px] border border-line bg-pane p-3 font-mono text-data text-ink">
        hookbench relay serve --listen 0.0.0.0:443 --domain relay.example{"\n"}hookbench relay device add
      </pre>
      <p className="mb-3">The second command prints a code for this computer.</p>
      <p>
        Without a relay, use an SSH host such as localhost.run, or another tunnel program such as ngrok. These tunnels
        are live: while this computer is offline, senders get errors.
      </p>
    </div>
  );
}
