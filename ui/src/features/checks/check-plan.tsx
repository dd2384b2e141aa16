import type { CheckPlan } from "../../api/client";
import { count, size, visible } from "../../ui/format";

/** Summary of the requests that a run will send. */
export function PlanSummary({ plan }: { plan: CheckPlan }) {
  const skipped = plan.checks.filter((check) => check.skipped);
  return (
    <section aria-label="Preview" className="mb-4 rounded-[9px] border border-line p-3">
      <p>
        <strong>{count(plan.requests)} requests</strong> to{" "}
        <code className="font-mono text-data break-all">{visible(plan.url)}</code>, {size(plan.bytes)} in total, sent
        one at a time, except for a burst of {plan.rate} requests per second.
      </p>
      {plan.generated && (
        <p className="mt-1">
          Hookbench has no sample event of this vendor and sends generated ones. Pass your own on the command line.
        </p>
      )}
      {!plan.this_machine && (
        <p className="mt-1 font-medium text-warning">
          {visible(plan.host)} is not this computer. Check only handlers that you own.
        </p>
      )}
      {skipped.length > 0 && (
        <details className="mt-1">
          <summary className="cursor-default text-ink-2">
            {skipped.length} of {plan.checks.length} skipped
          </summary>
          <ul>
            {skipped.map((check) => (
              <li key={check.id}>
                {check.title} <span className="text-ink-2">{visible(check.skipped!)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
