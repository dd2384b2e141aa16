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

const TIME_SCALES = [
  ["1", "×1"],
  ["60", "×60"],
  ["1000", "×1000"],
] as const;

/** Deletes an endpoint after a confirmation. Returns true if the endpoint was deleted. */
async function removeEndpoint(id: string): Promise<boolean> {
  const text = "This deletes the settings and the secret. Pending deliveries are not sent. Past deliveries are kept.";
  if (!(await confirm("Delete this endpoint?", text, "Delete"))) return false;
  const removed = await attempt(api.removeEndpoint(id).then(() => true));
  if (removed) tell("Endpoint deleted, past deliveries kept");
  return Boolean(removed);
}

/** An endpoint with its settings, state and deliveries. */
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
            <Notice icon={TriangleAlert} tone="warning" title="This endpoint is disabled">
              {visible(endpoint.state.reason ?? "")} Events for a disabled endpoint are stored as skipped and can be
              resent later.
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
            empty="No deliveries yet."
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
      <DeliveryPane id={delivery} back="Back to endpoint" onBack={() => show(undefined)} />
    </div>
  );
}

function Summary({ endpoint, file }: { endpoint: Endpoint; file: ProviderFile | undefined }) {
  return (
    <p className="mb-3 text-ink-2">
      Send as <strong className="text-ink">{file?.name ?? endpoint.provider}</strong>:{" "}
      {endpoint.events ? `${endpoint.events.length} event types` : "all events"} to{" "}
      <code className="font-mono text-data break-all text-ink">{visible(endpoint.url)}</code>
      {endpoint.local_test && (
        <span className="ml-2 rounded border border-line px-1.5 text-small text-warning">local testing</span>
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
        Send event
      </Button>
      <Button icon={Zap} keys={firstKeys("test-event")} onClick={() => perform("test-event")}>
        Test
      </Button>
      <Button icon={Stethoscope} onClick={onDiagnose}>
        Diagnose
      </Button>
      <Button icon={ClipboardCheck} onClick={() => setOpen("check")}>
        Check handler
      </Button>
      <Button icon={Pencil} onClick={() => setOpen("edit")}>
        Edit
      </Button>
      <Button icon={Power} onClick={() => void attempt(api.changeEndpoint(id, { enabled: !state.enabled }))}>
        {state.enabled ? "Disable" : "Enable"}
      </Button>
      <IconButton label="Delete endpoint" icon={Trash2} onClick={onRemove} />
      <CheckDialog endpoint={id} open={open === "check"} onClose={close} />
      <EndpointDialog endpoint={endpoint} open={open === "edit"} onClose={close} />
      <SendEvent endpoint={endpoint} open={open === "send"} onClose={close} />
    </div>
  );
}

/** The retry clock: its speed, and a button that pauses or resumes it. */
function RetryClock({ endpoint: { id, time_scale, paused } }: { endpoint: Endpoint }) {
  const change = (settings: { time_scale?: number; paused?: boolean }): void =>
    void attempt(api.changeEndpoint(id, { settings }));
  return (
    <div className="mb-4 flex flex-wrap items-center gap-3">
      <span className="text-ink-2">Retry clock</span>
      <Choice
        label="Retry clock speed"
        value={TIME_SCALES.find(([one]) => Number(one) === time_scale)?.[0] ?? "1"}
        options={TIME_SCALES}
        onChange={(now) => change({ time_scale: Number(now) })}
      />
      <Button icon={paused ? Play : Pause} onClick={() => change({ paused: !paused })}>
        {paused ? "Resume" : "Pause"}
      </Button>
      {paused && <span className="text-warning">Paused: nothing is sent.</span>}
    </div>
  );
}
