/** The offline backlog of an inbox, and the actions on it. */
import { Moon } from "lucide-react";
import { useState } from "react";

import { api, type Exposure } from "../../api/client";
import { useInboxes } from "../../api/queries";
import { Button } from "../../ui/button";
import { Checkbox } from "../../ui/input";
import { count } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";

export function OfflineBacklog({ exposure: { inbox, away } }: { exposure: Exposure }) {
  const [reSign, setReSign] = useState(true);
  const verification = useInboxes().data?.items.find(({ name }) => name === inbox)?.verification;
  const signs = Boolean(verification?.provider && verification.secrets?.length);
  if (away === 0) return null;
  const decide = async (what: "all" | "newest_per_type" | "hold"): Promise<void> => {
    const decided = await attempt(api.decideAway(inbox, { what, resign: reSign && signs }));
    if (!decided) return;
    const { requests, replays } = decided;
    tell(
      what === "hold"
        ? `${count(requests)} stay in ${inbox}`
        : replays.length
          ? `${count(requests)} decided; Replays shows how they go`
          : "No forward wants them; they stay in the inbox",
    );
  };
  return (
    <div
      role="region"
      aria-label={`Arrived while away in ${inbox}`}
      className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-[9px] border border-line bg-background p-3"
    >
      <Moon size={16} aria-hidden className="text-warning" />
      <strong>{count(away)} arrived while away</strong>
      <Button look="primary" onClick={() => void decide("all")}>
        Forward all in order
      </Button>
      <Button onClick={() => void decide("newest_per_type")}>Newest per type</Button>
      <Button onClick={() => void decide("hold")}>Hold</Button>
      {signs && (
        <Checkbox className="gap-2 text-small" checked={reSign} onChange={setReSign}>
          sign anew: old signatures may be too old for your app
        </Checkbox>
      )}
    </div>
  );
}
