/** The offline backlog of an inbox and its actions. */
import { Moon } from "lucide-react";
import { useState } from "react";

import { api, type Exposure } from "../../api/client";
import { useInboxes } from "../../api/queries";
import { Button } from "../../ui/button";
import { Checkbox } from "../../ui/input";
import { count } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";

export function OfflineBacklog({ exposure: { inbox, backlog } }: { exposure: Exposure }) {
  const [reSign, setReSign] = useState(true);
  const verification = useInboxes().data?.items.find(({ name }) => name === inbox)?.verification;
  const signs = Boolean(verification?.provider && verification.secrets?.length);
  if (backlog === 0) return null;
  const decide = async (action: "all" | "latest_per_type" | "keep"): Promise<void> => {
    const decided = await attempt(api.decideBacklog(inbox, { action, re_sign: reSign && signs }));
    if (!decided) return;
    const { requests, replays } = decided;
    tell(
      action === "keep"
        ? `${count(requests)} kept in ${inbox}`
        : replays.length
          ? `Forwarding ${count(requests)}; see Replays for the progress`
          : "No forward matches; the requests stay in the inbox",
    );
  };
  return (
    <div
      role="region"
      aria-label={`Offline backlog of ${inbox}`}
      className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-[9px] border border-line bg-background p-3"
    >
      <Moon size={16} aria-hidden className="text-warning" />
      <strong>{count(backlog)} arrived while you were offline</strong>
      <Button look="primary" onClick={() => void decide("all")}>
        Forward all
      </Button>
      <Button onClick={() => void decide("latest_per_type")}>Latest per event type</Button>
      <Button onClick={() => void decide("keep")}>Keep</Button>
      {signs && (
        <Checkbox className="gap-2 text-small" checked={reSign} onChange={setReSign}>
          re-sign, because old signatures may have expired
        </Checkbox>
      )}
    </div>
  );
}
