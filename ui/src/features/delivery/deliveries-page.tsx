import { useNavigate } from "@tanstack/react-router";
import { ListChecks, RotateCw } from "lucide-react";
import { useState } from "react";

import { api, type DeliveryFilter } from "../../api/client";
import { useEndpoints } from "../../api/queries";
import { perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { confirm } from "../../ui/confirm";
import { Input } from "../../ui/input";
import { Select, type Options } from "../../ui/select";
import { Empty, Page } from "../../ui/page";
import { useSettled } from "../../ui/settled";
import { attempt, tell } from "../../ui/toasts";
import { DeliveryPane } from "./delivery-pane";
import { STATES } from "./delivery-state";
import { DeliveryTable } from "./delivery-table";

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
  ["none", "no response"],
] as const;

/** Pause in typing after which the list is read, in ms. A text search reads every payload. */
const TYPED_MS = 200;

/** States of deliveries that can be resent together. */
const NOT_ARRIVED: ReadonlySet<string> = new Set(["failed", "exhausted", "skipped", "filtered", "canceled"]);

/** Resends the undelivered deliveries of a list after a confirmation. */
export async function resend(filter: DeliveryFilter): Promise<void> {
  const which = filter.state ? `that are ${filter.state}` : "that failed, are exhausted or were skipped";
  const text = `Resends all deliveries in this list ${which}, oldest first.`;
  if (!(await confirm("Resend these deliveries?", text, "Resend"))) return;
  const sent = await attempt(api.retryDeliveries(filter));
  if (!sent) return;
  const left = sent.left ? `; ${sent.left} not sent: endpoint disabled or deleted` : "";
  tell(`Resending ${sent.deliveries} ${sent.deliveries === 1 ? "delivery" : "deliveries"}${left}`);
}

/** The page of all deliveries, to any endpoint. */
export function DeliveriesPage({ delivery }: { delivery: string | undefined }) {
  const [filter, setFilter] = useState<DeliveryFilter>({});
  const settled = useSettled(filter, TYPED_MS);
  const navigate = useNavigate();
  const show = (id: string | undefined): void =>
    void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: id } });
  const filtered = Object.keys(filter).length > 0;
  return (
    <div className={`grid h-full min-h-0 ${delivery ? "grid-cols-2 max-xl:grid-cols-1" : ""}`}>
      <div className={`h-full min-h-0 min-w-0 ${delivery ? "max-xl:hidden" : ""}`}>
        <Page title="Deliveries" subtitle="All outgoing deliveries with their attempts, newest first." wide>
          <div role="search" className="mb-4 flex flex-wrap items-center gap-2">
            <Filters filter={filter} onChange={setFilter} />
            {filtered && <Button onClick={() => setFilter({})}>Clear</Button>}
            {filtered && (!filter.state || NOT_ARRIVED.has(filter.state)) && (
              <Button icon={RotateCw} onClick={() => void resend(filter)}>
                Resend
              </Button>
            )}
          </div>
          <DeliveryTable
            query={settled}
            selected={delivery}
            onPick={show}
            empty={
              filtered ? (
                <Empty icon={ListChecks} action={<Button onClick={() => setFilter({})}>Clear filters</Button>}>
                  No deliveries match.
                </Empty>
              ) : (
                <Empty icon={ListChecks} action={<Button onClick={() => perform("go-endpoints")}>Endpoints</Button>}>
                  No deliveries yet. Create an endpoint and send an event, or run a scenario.
                </Empty>
              )
            }
          />
        </Page>
      </div>
      <DeliveryPane id={delivery} back="Back to deliveries" onBack={() => show(undefined)} />
    </div>
  );
}

type Field = keyof DeliveryFilter;

function Filters({ filter, onChange }: { filter: DeliveryFilter; onChange: (now: DeliveryFilter) => void }) {
  const endpoints = useEndpoints().data?.items ?? [];
  const set = (field: Field, value: string): void => {
    const all = Object.entries({ ...filter, [field]: value });
    onChange(Object.fromEntries(all.filter(([, one]) => one)) as DeliveryFilter);
  };
  const choice = (label: string, field: Field, options: Options<string>) => (
    <Select
      aria-label={label}
      className="w-auto!"
      value={filter[field] ?? ""}
      options={options}
      onChange={(now) => set(field, now)}
    />
  );
  const entry = (label: string, field: Field) => (
    <Input
      aria-label={label}
      placeholder={label}
      className="w-36!"
      value={filter[field] ?? ""}
      onChange={(now) => set(field, now)}
    />
  );
  return (
    <>
      {choice("State", "state", [["", "any state"], ...STATES.map((one) => [one, one] as const)])}
      {choice("Time", "since", TIMES)}
      {choice("Status", "status", STATUSES)}
      {choice("Endpoint", "endpoint", [
        ["", "any endpoint"],
        ...endpoints.map(({ id, name, url }) => [id, name || url] as const),
      ])}
      {entry("Event type", "type")}
      {entry("URL", "url")}
      {entry("Text", "text")}
    </>
  );
}
