import { useQuery } from "@tanstack/react-query";

import { api, type EndpointStats as Stats } from "../../api/client";
import { keys } from "../../api/keys";
import { count, duration, moment } from "../../ui/format";

const HEIGHT = 28;
const BAR = 4;

/** Bars for each half hour of the last day: the height is the median latency, red means failed deliveries. */
function Sparkline({ slices }: { slices: Stats["slices"] }) {
  const slowest = Math.max(1, ...slices.map(({ p50_ms }) => p50_ms ?? 0));
  return (
    <svg
      role="img"
      aria-label="Latency in the last 24 hours"
      width={slices.length * BAR}
      height={HEIGHT}
      className="shrink-0"
    >
      <line x1="0" x2={slices.length * BAR} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="stroke-line" />
      {slices.map(({ from, delivered, failed, p50_ms }, place) => {
        if (delivered + failed === 0) return null;
        const high = Math.max(3, ((p50_ms ?? 0) / slowest) * (HEIGHT - 2));
        return (
          <rect
            key={from}
            x={place * BAR}
            y={HEIGHT - high}
            width={BAR - 1}
            height={high}
            className={failed ? "fill-invalid" : "fill-accent"}
          >
            <title>{`${moment(from)}: ${count(delivered)} delivered, ${count(failed)} failed${p50_ms == null ? "" : `, p50 ${duration(p50_ms)}`}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** Delivery statistics of an endpoint over the last 24 hours. */
export function EndpointStats({ id }: { id: string }) {
  const { data } = useQuery({
    queryKey: keys.endpointStats(id),
    queryFn: () => api.endpointStats(id),
    placeholderData: (before) => before,
  });
  if (!data || data.success_rate == null) return null;
  const figures = [
    ["delivered", count(data.delivered)],
    ["success", `${(data.success_rate * 100).toFixed(data.success_rate === 1 || data.success_rate === 0 ? 0 : 1)} %`],
    ["p50", data.p50_ms == null ? "–" : duration(data.p50_ms)],
    ["p99", data.p99_ms == null ? "–" : duration(data.p99_ms)],
  ] as const;
  return (
    <div
      className="mb-3 flex flex-wrap items-center gap-x-6 gap-y-2 rounded-[9px] border border-line bg-pane px-3 py-2"
      data-testid="stats"
    >
      <dl className="flex gap-6">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt className="text-small text-ink-2">{name}</dt>
            <dd className="font-semibold">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="ml-auto flex items-end gap-2">
        <Sparkline slices={data.slices} />
        <span className="text-small text-ink-2">24 h{data.cut && ", newest only"}</span>
      </div>
    </div>
  );
}
