import { useNavigate } from "@tanstack/react-router";
import { RotateCw } from "lucide-react";
import { useState } from "react";

import { api, type DeliveryFilter } from "../../api/client";
import { confirm } from "../../ui/confirm";
import { Button } from "../../ui/button";
import { INPUT } from "../../ui/input";
import { useSettled } from "../../ui/settled";
import { attempt, tell } from "../../ui/toasts";
import { useEndpoints } from "../../api/queries";
import { DeliveryDetail } from "./delivery-detail";
import { DeliveryTable } from "./delivery-table";
import { STATES } from "./delivery-state";

const TIMES = [
  ["", "any time"],
  ["1h", "last hour"],
  ["24h", "last 24 hours"],
  ["yesterday", "since yesterday"],
  ["7d", "last 7 days"],
] as const;

const STATUSES = [
  ["", "any status"],
  ["2xx", "2xx"],
  ["3xx", "3xx"],
  ["4xx", "4xx"],
  ["5xx", "5xx"],
  ["none", "no answer"],
] as const;

/** Pause in typing after which the list is read: a text is searched in every payload. */
const TYPED_MS = 200;

/** States of deliveries that a resend takes. */
const NOT_ARRIVED: ReadonlySet<string> = new Set(["failed", "exhausted", "skipped", "filtered", "cancelled"]);

/** Everything that was sent, to whatever endpoint. */
export function DeliveriesPage({ delivery }: { delivery: string | undefined }) {
  const [filter, setFilter] = useState<DeliveryFilter>({});
  const settled = useSettled(filter, TYPED_MS);
  const endpoints = useEndpoints().data?.items ?? [];
  const navigate = useNavigate();
  const show = (id: string | undefined): void =>
    void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: id } });
  const set = (change: Partial<Record<keyof DeliveryFilter, string>>): void =>
    setFilter(
      (before) =>
        Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value)) as DeliveryFilter,
    );
  const filtered = Object.keys(filter).length > 0;
  const resend = async (): Promise<void> => {
    const which = filter.state ? `that are ${filter.state}` : "that failed, are exhausted or were skipped";
    if (
      !(await confirm(
        "Resend these deliveries?",
        `Resends all deliveries of this list ${which}, the oldest first.`,
        "Resend",
      ))
    )
      return;
    await attempt(
      api
        .retryDeliveries(filter)
        .then(({ deliveries, left }) =>
          tell(
            `${deliveries} ${deliveries === 1 ? "delivery is" : "deliveries are"} on the way${left ? `; ${left} not sent: endpoint disabled or deleted` : ""}`,
          ),
        ),
    );
  };
  const choice = (label: string, field: keyof DeliveryFilter, options: readonly (readonly [string, string])[]) => (
    <select
      aria-label={label}
      className={`${INPUT} w-auto!`}
      value={filter[field] ?? ""}
      onChange={(event) => set({ [field]: event.target.value })}
    >
      {options.map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
  const entry = (label: string, field: keyof DeliveryFilter, width: string) => (
    <input
      aria-label={label}
      placeholder={label}
      className={`${INPUT} ${width}`}
      value={filter[field] ?? ""}
      onChange={(event) => set({ [field]: event.target.value })}
    />
  );
  return (
    <div className={`grid h-full min-h-0 ${delivery ? "grid-cols-2 max-lg:grid-cols-1" : ""}`}>
      <section aria-label="Deliveries" className={`min-w-0 overflow-auto p-6 ${delivery ? "max-lg:hidden" : ""}`}>
        <h1 className="text-title font-semibold tracking-tight">Deliveries</h1>
        <p className="mb-3 text-ink-2">Everything that was sent, with each of its attempts, newest first.</p>
        <div role="search" className="mb-4 flex flex-wrap items-center gap-2">
          {choice("State", "state", [["", "any state"], ...STATES.map((one) => [one, one] as const)])}
          {choice("Time", "since", TIMES)}
          {choice("Status", "status", STATUSES)}
          {choice("Endpoint", "endpoint", [
            ["", "any endpoint"],
            ...endpoints.map(({ id, name, url }) => [id, name || url] as const),
          ])}
          {entry("Event type", "type", "w-36!")}
          {entry("URL", "url", "w-36!")}
          {entry("Text", "text", "w-36!")}
          {filtered && <Button onClick={() => setFilter({})}>Clear</Button>}
          {filtered && (!filter.state || NOT_ARRIVED.has(filter.state)) && (
            <Button icon={RotateCw} onClick={() => void resend()}>
              Resend
            </Button>
          )}
        </div>
        <DeliveryTable
          query={settled}
          selected={delivery}
          onPick={show}
          empty={
            filtered
              ? "No delivery matches."
              : "Nothing was sent yet. Make an endpoint and send it an event, or run a scenario."
          }
        />
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
