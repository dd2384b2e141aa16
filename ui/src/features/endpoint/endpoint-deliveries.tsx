import { useState } from "react";

import type { DeliveryFilter } from "../../api/client";
import { Button } from "../../ui/button";
import { clock } from "../../ui/format";
import { Input } from "../../ui/input";
import { Select } from "../../ui/select";
import { useSettled } from "../../ui/settled";
import { DeliveryTable, resend, STATES } from "../delivery";
import { SkippedDeliveries } from "./skipped-deliveries";

/** Pause in typing after which the list is read, in ms. */
const TYPED_MS = 200;

const TIMES = [
  ["", "any time"],
  ["1h", "last hour"],
  ["24h", "last 24 hours"],
  ["7d", "last 7 days"],
] as const;

interface Range {
  since: string;
  until: string;
}

/** The deliveries of an endpoint with filters. A range chosen in the chart replaces the time. */
export function EndpointDeliveries({
  endpoint,
  enabled,
  range,
  onRange,
  selected,
  onPick,
}: {
  endpoint: string;
  enabled: boolean;
  range: Range | undefined;
  onRange: (range: Range | undefined) => void;
  selected: string | undefined;
  onPick: (id: string | undefined) => void;
}) {
  const [filter, setFilter] = useState<DeliveryFilter>({});
  const settled = useSettled(filter, TYPED_MS);
  const set = (field: keyof DeliveryFilter, value: string): void =>
    setFilter(
      (now) =>
        Object.fromEntries(Object.entries({ ...now, [field]: value }).filter(([, one]) => one)) as DeliveryFilter,
    );
  const isFiltered = range !== undefined || Object.keys(filter).length > 0;
  const query = { ...settled, ...range, endpoint };
  return (
    <section aria-label="Recent deliveries" className="overflow-hidden rounded-[9px] border border-line bg-pane">
      <div role="search" className="flex flex-wrap items-center gap-2 border-b border-line bg-background px-3 py-1.5">
        <h2 className="mr-auto font-semibold">Recent deliveries</h2>
        {range ? (
          <Button onClick={() => onRange(undefined)}>
            {clock(range.since).slice(0, 5)} – {clock(range.until).slice(0, 5)} ✕
          </Button>
        ) : (
          <Select
            aria-label="Time"
            className="w-auto!"
            value={filter.since ?? ""}
            options={TIMES}
            onChange={(now) => set("since", now)}
          />
        )}
        <Select
          aria-label="State"
          className="w-auto!"
          value={filter.state ?? ""}
          options={[["", "any state"], ...STATES.map((one) => [one, one] as const)]}
          onChange={(now) => set("state", now)}
        />
        <Input
          aria-label="Event type"
          placeholder="Event type"
          className="w-28!"
          value={filter.type ?? ""}
          onChange={(now) => set("type", now)}
        />
        <Input
          aria-label="Text"
          placeholder="Search payload"
          className="w-36!"
          value={filter.text ?? ""}
          onChange={(now) => set("text", now)}
        />
        {isFiltered && <Button onClick={() => void resend(query)}>Resend</Button>}
      </div>
      <div className="p-2">
        {enabled && <SkippedDeliveries endpoint={endpoint} />}
        <DeliveryTable
          query={query}
          selected={selected}
          onPick={onPick}
          empty={isFiltered ? "No deliveries match." : "No deliveries yet."}
        />
      </div>
    </section>
  );
}
