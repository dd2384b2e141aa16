import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ArrowLeft, Ban, Play } from "lucide-react";
import { useState } from "react";

import { api, type Delivery, type ScenarioRun } from "../../api/client";
import { keys } from "../../api/keys";
import { useEndpoints } from "../../api/queries";
import { useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { clock, count, moment, visible } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Page } from "../../ui/page";
import { Table, type Column } from "../../ui/table";
import { attempt } from "../../ui/toasts";
import { deliveryColumns, DeliveryPane } from "../delivery";
import { duration } from "./lasts";
import { RunForm } from "./run-form";
import { RunProgress } from "./run-progress";

/** A delivery of a run, with the position of its event. */
interface Sent {
  step: number;
  /** Time from the start of the run, in ms. */
  after_ms: number;
  delivery: Delivery;
}

const POSITION: readonly Column<Sent>[] = [
  {
    header: "#",
    headerClass: "w-10 pl-3 font-medium",
    className: "pl-3 font-mono text-data text-ink-2",
    cell: ({ step }) => step,
  },
  {
    header: "After",
    headerClass: "w-24 font-medium",
    className: "font-mono text-data text-ink-2",
    cell: ({ after_ms }) => (after_ms ? `+${duration(after_ms)}` : "start"),
  },
];

/** Column of deliveries as a column of sent events. */
const ofSent = ({ cell, className, style, ...column }: Column<Delivery>): Column<Sent> => ({
  ...column,
  cell: ({ delivery }) => cell(delivery),
  className: typeof className === "function" ? ({ delivery }) => className(delivery) : className,
  ...(style && { style: ({ delivery }: Sent) => style(delivery) }),
});

/** The page of a scenario run: its events in order, each with its deliveries. */
export function ScenarioRunPage({ id, delivery }: { id: string; delivery: string | undefined }) {
  const { data, error } = useQuery({ queryKey: keys.scenarioRun(id), queryFn: () => api.scenarioRun(id) });
  const endpoints = useEndpoints().data?.items ?? [];
  const now = useNow(1_000);
  const navigate = useNavigate();
  const show = (one: string | undefined): void =>
    void navigate({ to: "/scenarios/{-$run}/{-$delivery}", params: { run: id, delivery: one } });
  const sent = (data?.steps ?? []).flatMap(({ after_ms, deliveries }, place) =>
    deliveries.map((one): Sent => ({ step: place + 1, after_ms, delivery: one })),
  );
  const go = (by: number): void => {
    const at = sent.findIndex((one) => one.delivery.id === delivery);
    const next = sent[at < 0 ? 0 : Math.max(0, Math.min(sent.length - 1, at + by))];
    if (next) show(next.delivery.id);
  };
  useCommands({ next: () => go(1), previous: () => go(-1), leave: () => show(undefined) });
  if (error) return <p className="p-6 text-ink-2">This run was not found. Old runs are deleted by retention.</p>;
  if (!data) return null;
  const columns = deliveryColumns({
    withEndpoint: new Set(sent.map((one) => one.delivery.endpoint)).size > 1,
    withError: !delivery,
    withCreated: false,
    endpointOf: ({ endpoint, url }) => endpoints.find((one) => one.id === endpoint)?.name || url,
    now,
    onPick: show,
  });
  return (
    <div className={`grid h-full min-h-0 ${delivery ? "grid-cols-2 max-xl:grid-cols-1" : ""}`}>
      <div className={`h-full min-h-0 min-w-0 ${delivery ? "max-xl:hidden" : ""}`}>
        <Page
          title={visible(data.run.name)}
          label="Scenario run"
          subtitle={<Facts run={data.run} />}
          actions={<Actions run={data.run} />}
          wide
        >
          <div className="mb-4 max-w-xl">
            <RunProgress run={data.run} />
          </div>
          <div className="@container/table">
            <Table
              testId="scenario-run"
              label="Events of the run"
              className="w-full table-fixed border-collapse"
              rows={sent}
              columns={[...POSITION, ...columns.map(ofSent)]}
              rowKey={(one) => one.delivery.id}
              rowClass="row-height"
              isSelected={(one) => one.delivery.id === delivery}
              onPick={(one) => show(one.delivery.id)}
            />
          </div>
        </Page>
      </div>
      <DeliveryPane id={delivery} back="Back to the run" onBack={() => show(undefined)} />
    </div>
  );
}

function Facts({ run: { provider, time_scale, seed, created_at, ended_at, events } }: { run: ScenarioRun }) {
  return (
    <>
      {visible(provider)} · {count(events)} events · ×{time_scale} · seed{" "}
      <span className="font-mono text-data">{seed}</span> · started {moment(created_at)}
      {ended_at && ` · ended ${clock(ended_at)}`}
    </>
  );
}

function Actions({ run }: { run: ScenarioRun }) {
  const navigate = useNavigate();
  const [again, setAgain] = useState(false);
  const { data } = useQuery({ queryKey: keys.scenarios, queryFn: api.scenarios });
  const scenario = data?.items.find(({ id }) => id === run.scenario);
  return (
    <>
      <Button
        icon={ArrowLeft}
        onClick={() =>
          void navigate({ to: "/scenarios/{-$run}/{-$delivery}", params: { run: undefined, delivery: undefined } })
        }
      >
        Scenarios
      </Button>
      {run.waiting > 0 && (
        <Button icon={Ban} onClick={() => void attempt(api.cancelScenarioRun(run.id))}>
          Cancel
        </Button>
      )}
      {scenario && (
        <Button look={run.waiting ? undefined : "primary"} icon={Play} onClick={() => setAgain(true)}>
          Run again
        </Button>
      )}
      <Dialog title={visible(run.name)} open={again} onClose={() => setAgain(false)}>
        {scenario && <RunForm scenario={scenario} seed={run.seed} onClose={() => setAgain(false)} />}
      </Dialog>
    </>
  );
}
