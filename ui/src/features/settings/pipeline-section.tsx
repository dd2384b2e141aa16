import { useStatus } from "../../api/queries";
import type { PipelineStage } from "../../api/types";
import { count } from "../../ui/format";
import { Section } from "./section";

const STAGES: Record<PipelineStage, string> = {
  verify: "Signature verification",
  forward: "Forwards",
  schema: "Inferred schemas",
  index: "Search index",
  alerts: "Alerts",
};

/** The progress of the stages that run after a request is stored. */
export function PipelineSection() {
  const stages = useStatus().data?.pipeline ?? [];
  return (
    <Section title="Processing">
      <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1" data-testid="pipeline">
        {stages.map(({ stage, waiting, behind_ms }) => (
          <div key={stage} className="contents">
            <dt>{STAGES[stage]}</dt>
            <dd className="text-ink-2 tabular-nums">
              {waiting === 0
                ? "Up to date"
                : `${count(waiting)} ${waiting === 1 ? "request" : "requests"} waiting, ${count(Math.ceil(behind_ms / 1_000))} s behind`}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
