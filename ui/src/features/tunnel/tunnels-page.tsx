/** The page of tunnels, which give inboxes public URLs. */
import { Globe, Plus } from "lucide-react";
import { useState } from "react";

import { useTunnels } from "../../api/queries";
import { firstKeys, useCommands } from "../../app/commands";
import { Advanced } from "../../ui/advanced";
import { Button } from "../../ui/button";
import { Empty, Page } from "../../ui/page";
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
      {items.length === 0 && <NoTunnel onStart={() => setStarting(true)} />}
      {items.map((tunnel) => (
        <TunnelCard key={tunnel.id} tunnel={tunnel} />
      ))}
      <StartDialog open={starting} onClose={() => setStarting(false)} />
    </Page>
  );
}

function NoTunnel({ onStart }: { onStart: () => void }) {
  return (
    <>
      <Empty icon={Globe} action={<Button onClick={onStart}>New tunnel</Button>}>
        A tunnel gives an inbox a public URL: through a relay of yours, which stores every request until this computer
        is online, or through an SSH host or another tunnel program.
      </Empty>
      <div className="mt-4" />
      <Advanced label="How to run a relay">
        <p className="mb-2 text-ink-2">
          Start Hookbench on a server. The second command prints a code for this computer.
        </p>
        <pre className="overflow-auto rounded-[7px] border border-line bg-pane p-3 font-mono text-data">
          hookbench relay serve --listen 0.0.0.0:443 --domain relay.example{"\n"}hookbench relay device add
        </pre>
      </Advanced>
    </>
  );
}
