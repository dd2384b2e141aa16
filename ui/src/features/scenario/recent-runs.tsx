import { Link } from "@tanstack/react-router";

import type { ScenarioRun } from "../../api/client";
import { useScenarioRuns } from "../../api/queries";
import { age, clock, moment, visible } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Table, type Column } from "../../ui/table";
import { RunProgress } from "./run-progress";

const columnsOf = (now: number): readonly Column<ScenarioRun>[] => [
  {
    header: "Scenario",
    headerClass: "pl-3 font-medium",
    className: "truncate pl-3",
    cell: ({ id, name }) => (
      <Link
        to="/scenarios/{-$run}/{-$delivery}"
        params={{ run: id, delivery: undefined }}
        className="font-medium hover:underline"
      >
        {visible(name)}
      </Link>
    ),
  },
  { header: "Deliveries", headerClass: "w-1/2 font-medium", cell: (run) => <RunProgress run={run} /> },
  {
    header: "Started",
    headerClass: "w-20 pr-3 text-right font-medium",
    className: "pr-3 text-right font-mono text-data text-ink-2",
    cell: ({ created_at }) => (
      <time dateTime={created_at} title={`${moment(created_at)}, ${age(created_at, now)}`}>
        {clock(created_at)}
      </time>
    ),
  },
];

/** The latest scenario runs. Nothing if there are none. */
export function RecentRuns() {
  const items = useScenarioRuns().data?.items ?? [];
  const now = useNow(1_000);
  if (items.length === 0) return null;
  return (
    <section aria-label="Recent runs" className="mb-6">
      <h2 className="mb-1 font-semibold">Recent runs</h2>
      <div className="max-h-60 overflow-auto rounded-[9px] border border-line bg-pane">
        <Table
          testId="scenario-runs"
          className="w-full table-fixed border-collapse"
          rows={items}
          columns={columnsOf(now)}
          rowKey={({ id }) => id}
          rowClass="row-height last:border-0"
        />
      </div>
    </section>
  );
}
