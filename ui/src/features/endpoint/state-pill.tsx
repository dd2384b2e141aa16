import type { Endpoint } from "../../api/client";
import { visible } from "../../ui/format";

const PILL = "inline-flex items-center gap-1.5 rounded-full px-2.5 text-small font-medium leading-5";

/** The state of an endpoint: enabled, failing, or disabled with the reason. */
export function StatePill({ endpoint: { state, paused, time_scale } }: { endpoint: Endpoint }) {
  const { enabled, failed_attempts, exhausted, reason } = state;
  const failing = enabled && (failed_attempts > 0 || exhausted > 0);
  const look = !enabled
    ? "bg-invalid/10 text-invalid"
    : failing || paused
      ? "bg-warning/12 text-warning"
      : "bg-valid/10 text-valid";
  return (
    <span className="flex flex-wrap items-center gap-1.5">
      <span className={`${PILL} ${look}`}>
        <span aria-hidden className="size-1.5 rounded-full bg-current" />
        {!enabled
          ? `Disabled${reason ? `: ${visible(reason).replace(/\.$/, "")}` : ""}`
          : paused
            ? "Paused"
            : failing
              ? `Failing, ${exhausted > 0 ? `${exhausted} exhausted` : `${failed_attempts} failed`} in a row`
              : "Enabled"}
      </span>
      {time_scale !== 1 && <span className={`${PILL} bg-warning/12 text-warning`}>×{time_scale}</span>}
    </span>
  );
}
