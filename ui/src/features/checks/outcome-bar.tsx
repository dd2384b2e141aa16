import type { CheckRun } from "../../api/client";
import { count } from "../../ui/format";
import { OUTCOME_ORDER, OUTCOMES, type Outcome } from "./outcomes";

const FILLS: Record<Outcome, string> = {
  fail: "bg-invalid",
  error: "bg-invalid/60",
  warn: "bg-warning",
  unknown: "bg-ink-3",
  pass: "bg-phase-first",
  skipped: "bg-line",
};

/** The outcomes of a run as one bar, with their numbers below it. */
export function OutcomeBar({ counts, total }: { counts: CheckRun["counts"]; total: number }) {
  const present = OUTCOME_ORDER.filter((outcome) => counts[outcome] > 0);
  if (present.length === 0) return null;
  return (
    <div className="mt-3">
      <div aria-hidden className="flex h-2.5 gap-px overflow-hidden rounded-full bg-hover">
        {present.map((outcome) => (
          <span
            key={outcome}
            className={FILLS[outcome]}
            style={{ width: `${(counts[outcome] / Math.max(total, 1)) * 100}%` }}
          />
        ))}
      </div>
      <ul className="mt-1.5 flex flex-wrap gap-x-4 text-small text-ink-2">
        {present.map((outcome) => (
          <li key={outcome} className="flex items-center gap-1.5">
            <span aria-hidden className={`size-2 rounded-[2px] ${FILLS[outcome]}`} />
            {count(counts[outcome])} {OUTCOMES[outcome].word}
          </li>
        ))}
      </ul>
    </div>
  );
}
