import { useQuery } from "@tanstack/react-query";
import { SkipForward } from "lucide-react";

import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { Button } from "../../ui/button";
import { attempt, tell } from "../../ui/toasts";

/** Maximum number of skipped deliveries that are counted. */
const COUNTED = 100;

/** The deliveries skipped while the endpoint was disabled, with a button that sends them. */
export function SkippedDeliveries({ endpoint }: { endpoint: string }) {
  const query = { endpoint, state: "skipped", limit: COUNTED } as const;
  const { data } = useQuery({ queryKey: keys.deliveries(query), queryFn: () => api.deliveries(query) });
  const skipped = data?.items.length ?? 0;
  if (skipped === 0) return null;
  const send = async (): Promise<void> => {
    const sent = await attempt(api.retryDeliveries({ endpoint, state: "skipped" }));
    if (sent) tell(`Resending ${sent.deliveries} ${sent.deliveries === 1 ? "delivery" : "deliveries"}`);
  };
  return (
    <p className="mb-2 flex flex-wrap items-center gap-3">
      {data?.next ? `More than ${COUNTED}` : skipped} {skipped === 1 ? "delivery was" : "deliveries were"} skipped while
      the endpoint was disabled.
      <Button icon={SkipForward} onClick={() => void send()}>
        Resend skipped
      </Button>
    </p>
  );
}
