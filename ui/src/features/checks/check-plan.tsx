import type { CheckPlan } from "../../api/client";
import { count, size, visible } from "../../ui/format";

/** Summary of the requests that a run will send. */
export function PlanSummary({ plan }: { plan: CheckPlan }) {
  const skipped = plan.checks.filter((check) => check.skipped);
  return (
    <section aria-label="What will be sent" className="mb-4 rounded-[9px] border border-line p-3">
      <p>
        <strong>{count(plan.requests)} requests</strong> to{" "}
        <code className="font-mono text-data break-all">{visible(plan.url)}</code>, {size(plan.bytes)} in all, one after
        the other but for a burst of {plan.rate} a second.
      </p>
      {plan.made_up && (
        <p className="mt-1">
          Hookbench knows no event of this vendor and makes one up. On the command line you can give yours.
        </p>
      )}
      {!plan.this_machine && (
        <p className="mt-1 font-medium text-warning">
          {visible(plan.host)} is not this machine. Check only handlers that are yours.
        </p>
      )}
      {skipped.length > 0 && (
        <details className="mt-1">
          <summary className="cursor-default text-ink-2">
            {skipped.length} of {plan.checks.length} are not asked
          </summary>
          <ul>
            {skipped.map((check) => (
              <li key={check.id}>
                {check.question} <span className="text-ink-2">{visible(check.skipped!)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
