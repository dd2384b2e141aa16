import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import type { Delivery } from "../api/client";
import { Button, INPUT } from "../parts/controls";
import { DeliveryDetail } from "./delivery-detail";
import { DeliveryTable } from "./delivery-table";
import { STATES } from "./state";

/** Everything that was sent, to whatever endpoint. */
export function DeliveriesPage({ delivery }: { delivery: string | undefined }) {
  const [state, setState] = useState<Delivery["state"]>();
  const navigate = useNavigate();
  const show = (id: string | undefined): void => void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: id } });
  return (
    <div className={`grid h-full min-h-0 ${delivery ? "grid-cols-2 max-lg:grid-cols-1" : ""}`}>
      <section aria-label="Deliveries" className={`min-w-0 overflow-auto p-6 ${delivery ? "max-lg:hidden" : ""}`}>
        <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
          <div>
            <h1 className="text-title font-semibold tracking-tight">Deliveries</h1>
            <p className="text-ink-2">Everything that was sent, with each of its attempts, newest first.</p>
          </div>
          <label className="flex items-center gap-2">
            <span className="text-ink-2">State</span>
            <select className={INPUT} value={state ?? ""} onChange={(event) => setState((event.target.value || undefined) as Delivery["state"] | undefined)}>
              <option value="">all</option>
              {STATES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        </div>
        <DeliveryTable query={state ? { state } : {}} selected={delivery} onPick={show} empty={state ? `No delivery is ${state}.` : "Nothing was sent yet. Make an endpoint and send it an event, or run a scenario."} />
      </section>
      {delivery && (
        <div className="flex min-h-0 min-w-0 flex-col border-l border-line bg-pane">
          <div className="border-b border-line p-2 lg:hidden">
            <Button onClick={() => show(undefined)}>Back to the deliveries</Button>
          </div>
          <div className="min-h-0 flex-1">
            <DeliveryDetail key={delivery} id={delivery} />
          </div>
        </div>
      )}
    </div>
  );
}
