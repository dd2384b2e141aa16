import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, type ReactNode } from "react";

import { api, type EndpointStats as Stats } from "../../api/client";
import { keys } from "../../api/keys";
import { count, duration, hourAndMinute } from "../../ui/format";
import type { ChartSeries } from "../../ui/chart";

const Chart = lazy(() => import("../../ui/chart").then(({ Chart }) => ({ default: Chart })));

const percent = (share: number): string => `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`;

/** Returns the series of the chart: deliveries by outcome as bars, latencies as lines. */
const seriesOf = (slices: Stats["slices"]): ChartSeries[] => [
  { name: "delivered", color: "--phase-first", look: "bar", values: slices.map(({ delivered }) => delivered) },
  { name: "failed", color: "--invalid", look: "bar", values: slices.map(({ failed }) => failed) },
  { name: "skipped", color: "--ink-3", look: "bar", values: slices.map(({ skipped }) => skipped) },
  { name: "p50 (ms)", color: "--ink", look: "line", values: slices.map(({ p50_ms }) => p50_ms ?? null) },
  { name: "p95 (ms)", color: "--ink-3", look: "dashed", values: slices.map(({ p95_ms }) => p95_ms ?? null) },
];

/** Delivery statistics of an endpoint over the last 24 hours. */
export function EndpointStats({ id, onPick }: { id: string; onPick: (since: string, until: string) => void }) {
  const { data } = useQuery({
    queryKey: keys.endpointStats(id),
    queryFn: () => api.endpointStats(id),
    placeholderData: (before) => before,
  });
  const slices = data?.slices;
  const series = useMemo(() => slices && seriesOf(slices), [slices]);
  const times = useMemo(() => slices?.map(({ from }) => Date.parse(from) / 1000), [slices]);
  if (!data || !slices || !series || !times || data.delivered + data.failed + data.skipped === 0) return null;
  const ended = data.delivered + data.failed;
  const latency = [data.p50_ms, data.p95_ms].map((ms) => (ms == null ? "–" : duration(ms))).join(" / ");
  return (
    <section
      aria-label="Last 24 hours"
      className="overflow-hidden rounded-[9px] border border-line bg-pane"
      data-testid="stats"
    >
      <dl className="grid grid-cols-4 divide-x divide-line border-b border-line">
        <Figure name="Delivered, 24 h" note={`of ${count(ended)}${data.cut ? ", newest only" : ""}`}>
          {count(data.delivered)}
        </Figure>
        <Figure name="Success rate" note="tests not counted">
          {data.success_rate == null ? "–" : percent(data.success_rate)}
        </Figure>
        <Figure name="Latency p50 / p95">{latency}</Figure>
        <Figure name="Retries">{count(data.retries)}</Figure>
      </dl>
      <div className="px-3 py-2">
        <p className="flex flex-wrap items-center gap-x-4 text-small text-ink-2">
          <strong className="font-semibold text-ink">Deliveries per 30 min</strong>
          <Key color="bg-phase-first">delivered {count(data.delivered)}</Key>
          <Key color="bg-invalid">failed {count(data.failed)}</Key>
          {data.skipped > 0 && <Key color="bg-ink-3">skipped {count(data.skipped)}</Key>}
          <span className="ml-auto">— p50 &nbsp; ┄ p95</span>
        </p>
        <Suspense fallback={<div className="h-32" />}>
          <Chart
            label="Deliveries and latency of the last 24 hours"
            times={times}
            series={series}
            lineValue={duration}
            timeValue={(seconds) => hourAndMinute(seconds * 1000)}
            height={128}
            onPick={(place) =>
              onPick(slices[place]!.from, slices[place + 1]?.from ?? new Date(Date.now() + 60_000).toISOString())
            }
          />
        </Suspense>
      </div>
    </section>
  );
}

function Figure({ name, note, children }: { name: string; note?: string; children: string }) {
  return (
    <div className="min-w-0 px-3 py-2">
      <dt className="truncate text-small text-ink-2">{name}</dt>
      <dd className="flex items-baseline gap-2 whitespace-nowrap">
        <span className="text-title font-semibold">{children}</span>
        {note && <span className="truncate text-small text-ink-2">{note}</span>}
      </dd>
    </div>
  );
}

function Key({ color, children }: { color: string; children: ReactNode }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden className={`size-2 rounded-[2px] ${color}`} /> {children}
    </span>
  );
}
