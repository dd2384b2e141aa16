import type { Attempt } from "../../api/client";
import { duration } from "../../ui/format";

type Timings = Attempt["timings"];

/** The phases of an exchange in order, with their colors. */
const PHASES = [
  { key: "dns_us", name: "DNS", color: "bg-phase-dns" },
  { key: "connect_us", name: "Connect", color: "bg-phase-connect" },
  { key: "tls_us", name: "TLS", color: "bg-phase-tls" },
  { key: "first_byte_us", name: "First byte", color: "bg-phase-first" },
] as const;
const BODY = { name: "Body", color: "bg-accent" } as const;

interface Phase {
  name: string;
  color: string;
  /** Duration in ms. Undefined if the phase did not take place, as on a reused connection. */
  ms: number | undefined;
}

/** Returns the phases of an exchange. The rest of the total is the time of the body. */
function phasesOf(timings: Timings): Phase[] {
  const phases: Phase[] = PHASES.map(({ key, name, color }) => {
    const us = timings[key];
    return { name, color, ms: us == null ? undefined : us / 1000 };
  });
  const known = phases.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  const rest = timings.total_us / 1000 - known;
  return [...phases, { ...BODY, ms: timings.first_byte_us == null ? undefined : Math.max(0, rest) }];
}

/** The phases of an exchange as a bar. Bars with the same `scale_ms` can be compared. */
export function TimingBar({ timings, scale_ms }: { timings: Timings; scale_ms: number }) {
  const total = timings.total_us / 1000;
  const spoken = phasesOf(timings)
    .filter(({ ms }) => ms !== undefined)
    .map(({ name, ms }) => `${name} ${duration(ms!)}`)
    .join(", ");
  return (
    <span role="img" aria-label={spoken} title={spoken} className="relative flex h-2 w-full min-w-16 items-center">
      <span className="absolute inset-x-0 h-px bg-line" />
      <span
        className="relative flex h-2 gap-px overflow-hidden rounded-[2px]"
        style={{ width: `${Math.max(2, (total / Math.max(scale_ms, 0.001)) * 100)}%` }}
      >
        {phasesOf(timings).map(({ name, color, ms }) =>
          ms ? <span key={name} className={`h-full ${color}`} style={{ flexGrow: ms, minWidth: 1 }} /> : null,
        )}
      </span>
    </span>
  );
}

/** The durations of the phases in words, with the colors of the bar. */
export function TimingLegend({ timings }: { timings: Timings }) {
  return (
    <dl className="flex flex-wrap items-center gap-x-4 gap-y-1 text-small">
      {phasesOf(timings).map(({ name, color, ms }) => (
        <div key={name} className="flex items-center gap-1.5">
          <dt className="flex items-center gap-1.5 text-ink-2">
            <span aria-hidden className={`size-2 rounded-[2px] ${color}`} /> {name}
          </dt>
          <dd className="font-mono text-data">{ms === undefined ? "–" : duration(ms)}</dd>
        </div>
      ))}
      <div className="ml-auto flex items-center gap-1.5">
        <dt className="text-ink-2">Total</dt>
        <dd className="font-mono text-data">{duration(timings.total_us / 1000)}</dd>
      </div>
    </dl>
  );
}
