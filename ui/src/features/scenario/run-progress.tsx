import type { ScenarioRun } from "../../api/client";
import { count } from "../../ui/format";
import { Progress } from "../../ui/progress";

/** Returns the outcome of a run in words. */
function outcome({ delivered, failed, not_sent, waiting }: ScenarioRun): string {
  const parts: [number, string][] = [
    [delivered, "delivered"],
    [failed, "failed"],
    [not_sent, "not sent"],
    [waiting, "waiting"],
  ];
  return parts
    .filter(([many]) => many > 0)
    .map(([many, word]) => `${count(many)} ${word}`)
    .join(", ");
}

/** The progress of a scenario run as a bar and in words. */
export function RunProgress({ run }: { run: ScenarioRun }) {
  return (
    <span className="flex items-center gap-3">
      <Progress
        label="Ended deliveries"
        className="w-24 shrink-0"
        max={run.deliveries}
        value={run.deliveries - run.waiting}
      />
      <span className={`min-w-0 truncate ${run.failed > 0 ? "font-medium text-invalid" : "text-ink-2"}`}>
        {outcome(run)}
      </span>
    </span>
  );
}
