import { useNavigate } from "@tanstack/react-router";
import {
  ClipboardCheck,
  Pause,
  Pencil,
  Play,
  Power,
  Send,
  Stethoscope,
  Trash2,
  TriangleAlert,
  Zap,
} from "lucide-react";
import { useState } from "react";

import { api, type Cause, type Endpoint, type ProviderFile } from "../../api/client";
import { useProvider } from "../../api/queries";
import { firstKeys, perform, useCommands } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { confirm } from "../../ui/confirm";
import { visible } from "../../ui/format";
import { Notice } from "../../ui/notice";
import { attempt, tell } from "../../ui/toasts";
import { CheckDialog } from "../checks";
import { DeliveryPane, DeliveryTable } from "../delivery";
import { Handlers } from "../signature";
import { Diagnosis } from "./diagnosis";
import { EndpointDialog } from "./endpoint-form";
import { EndpointSecret } from "./endpoint-secret";
import { EndpointStats } from "./endpoint-stats";
import { Policy } from "./policy-form";
import { SendEvent } from "./send-event";
import { SkippedDeliveries } from "./skipped-deliveries";

const SPEEDS = [
  ["1", "×1"],
  ["60", "×60"],
  ["1000", "×1000"],
] as const;

/** Removes an endpoint, if the person agrees; says whether it did. */
async function removeEndpoint(id: string): Promise<boolean> {
  const text = "Its settings and its secret are deleted, and what waits for it is not sent. Its deliveries stay.";
  if (!(await confirm("Remove this endpoint?", text, "Remove"))) return false;
  const removed = await attempt(api.removeEndpoint(id).then(() => true));
  if (removed) tell("Endpoint removed; its deliveries stay");
  return Boolean(removed);
}

/** An endpoint: its settings, its state, and its deliveries. */
export function EndpointPage({ endpoint, delivery }: { endpoint: Endpoint; delivery: string | undefined }) {
  const [causes, setCauses] = useState<Cause[]>();
  const navigate = useNavigate();
  const file = useProvider(endpoint.provider).data;
  const to = (id: string | undefined, shown: string | undefined): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: id, delivery: shown } });
  const show = (id: string | undefined): void => to(endpoint.id, id);
  const remove = async (): Promise<void> => {
    if (await removeEndpoint(endpoint.id)) to(undefined, undefined);
  };
  const diagnose = (): void =>
    void (causes
      ? setCauses(undefined)
      : attempt(api.diagnoseEndpoint(endpoint.id).then(({ items }) => setCauses(items))));
  useCommands({ "test-event": () => void attempt(api.testEndpoint(endpoint.id).then(({ id }) => show(id))) });
  return (
    <div className={`grid h-full min-h-0 ${delivery ? "grid-cols-2 max-lg:grid-cols-1" : ""}`}>
      <section aria-label="Endpoint" className={`min-w-0 overflow-auto p-6 ${delivery ? "max-lg:hidden" : ""}`}>
        <h1 className="text-title font-semibold tracking-tight">{visible(endpoint.name || endpoint.url)}</h1>
        <Summary endpoint={endpoint} file={file} />
        <Actions endpoint={endpoint} onDiagnose={diagnose} onRemove={() => void remove()} />
        {causes && <Diagnosis causes={causes} />}
        {!endpoint.state.enabled && (
          <div className="mb-4">
            <Notice icon={TriangleAlert} tone="warning" title="This endpoint is switched off">
              {visible(endpoint.state.reason ?? "")} What is sent meanwhile is kept as skipped, and can be sent late.
            </Notice>
          </div>
        )}
        <RetryClock endpoint={endpoint} />
        <EndpointSecret endpoint={endpoint} />
        {file?.sending?.traps.map(({ warning }) => (
          <p key={warning} className="mt-2 flex items-start gap-2 text-warning">
            <TriangleAlert size={14} aria-hidden className="mt-0.5 shrink-0" /> {warning}
          </p>
        ))}
        <section aria-label="Recent deliveries" className="mt-4">
          <h3 className="mb-1 font-semibold">Recent deliveries</h3>
          {endpoint.state.enabled && <SkippedDeliveries endpoint={endpoint.id} />}
          <EndpointStats id={endpoint.id} />
          <DeliveryTable
            query={{ endpoint: endpoint.id }}
            selected={delivery}
            onPick={show}
            empty="Nothing was sent yet."
          />
        </section>
        <div className="mt-6 space-y-6">
          <Policy endpoint={endpoint} vendors={file?.sending?.policy} known={file !== undefined} />
          <Handlers
            provider={endpoint.provider}
            scheme={endpoint.scheme}
            signed={endpoint.signed ?? file?.sending?.signed ?? true}
          />
        </div>
      </section>
      <DeliveryPane id={delivery} back="Back to the endpoint" onBack={() => show(undefined)} />
    </div>
  );
}

function Summary({ endpoint, file }: { endpoint: Endpoint; file: ProviderFile | undefined }) {
  return (
    <p className="mb-3 text-ink-2">
      Hookbench is <strong className="text-ink">{file?.name ?? endpoint.provider}</strong> and sends{" "}
      {endpoint.events ? `${endpoint.events.length} kinds of event` : "all events"} to{" "}
      <code className="font-mono text-data break-all text-ink">{visible(endpoint.url)}</code>
      {endpoint.local_test && (
        <span className="ml-2 rounded border border-line px-1.5 text-small text-warning">local test</span>
      )}
    </p>
  );
}

function Actions({
  endpoint,
  onDiagnose,
  onRemove,
}: {
  endpoint: Endpoint;
  onDiagnose: () => void;
  onRemove: () => void;
}) {
  const [open, setOpen] = useState<"edit" | "check" | "send">();
  const close = (): void => setOpen(undefined);
  const { id, state } = endpoint;
  useCommands({ "send-event": () => setOpen("send") });
  return (
    <div className="mb-4 flex flex-wrap items-center gap-2">
      <Button look="primary" icon={Send} keys={firstKeys("send-event")} onClick={() => perform("send-event")}>
        Send an event
      </Button>
      <Button icon={Zap} keys={firstKeys("test-event")} onClick={() => perform("test-event")}>
        Test
      </Button>
      <Button icon={Stethoscope} onClick={onDiagnose}>
        Why is nothing arriving?
      </Button>
      <Button icon={ClipboardCheck} onClick={() => setOpen("check")}>
        Check handler
      </Button>
      <Button icon={Pencil} onClick={() => setOpen("edit")}>
        Edit
      </Button>
      <Button icon={Power} onClick={() => void attempt(api.changeEndpoint(id, { enabled: !state.enabled }))}>
        {state.enabled ? "Switch off" : "Switch on"}
      </Button>
      <IconButton label="Remove endpoint" icon={Trash2} onClick={onRemove} />
      <CheckDialog endpoint={id} open={open === "check"} onClose={close} />
      <EndpointDialog endpoint={endpoint} open={open === "edit"} onClose={close} />
      <SendEvent endpoint={endpoint} open={open === "send"} onClose={close} />
    </div>
  );
}

/** The retry clock: its speed, and whether it is paused. */
function RetryClock({ endpoint: { id, speed, paused } }: { endpoint: Endpoint }) {
  const change = (settings: { speed?: number; paused?: boolean }): void =>
    void attempt(api.changeEndpoint(id, { settings }));
  return (
    <div className="mb-4 flex flex-wrap items-center gap-3">
      <span className="text-ink-2">Time</span>
      <Choice
        label="Speed of its time"
        value={SPEEDS.find(([one]) => Number(one) === speed)?.[0] ?? "1"}
        options={SPEEDS}
        onChange={(now) => change({ speed: Number(now) })}
      />
      <Button icon={paused ? Play : Pause} onClick={() => change({ paused: !paused })}>
        {paused ? "Let time go on" : "Stop time"}
      </Button>
      {paused && <span className="text-warning">Its time stands still: nothing is sent.</span>}
    </div>
  );
}
