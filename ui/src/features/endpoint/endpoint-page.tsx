import { useNavigate } from "@tanstack/react-router";
import { ClipboardCheck, Copy, Pencil, Power, Send, Stethoscope, TriangleAlert, Zap } from "lucide-react";
import { useState } from "react";

import { api, type Cause, type Endpoint, type ProviderFile } from "../../api/client";
import { useProvider } from "../../api/queries";
import { firstKeys, perform, useCommands } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { RowMenu } from "../../ui/row-menu";
import { visible } from "../../ui/format";
import { Page } from "../../ui/page";
import { afterUndo, attempt } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { CheckDialog } from "../checks";
import { DeliveryPane } from "../delivery";
import { ManagedMark } from "../project";
import { Handlers } from "../signature";
import { Card } from "./card";
import { Diagnosis } from "./diagnosis";
import { EndpointDeliveries } from "./endpoint-deliveries";
import { EndpointDialog } from "./endpoint-form";
import { EndpointSecret } from "./endpoint-secret";
import { EndpointStats } from "./endpoint-stats";
import { Policy } from "./policy-form";
import { RetryClock } from "./retry-clock";
import { StatePill } from "./state-pill";

/**
 * Deletes an endpoint after the time for an undo. Until then the endpoint is disabled, so that nothing more is sent.
 */
async function removeEndpoint({ id, state }: Endpoint): Promise<boolean> {
  const disabled = await attempt(api.changeEndpoint(id, { enabled: false }));
  if (!disabled) return false;
  afterUndo(
    "Endpoint deleted, past deliveries kept",
    () => api.removeEndpoint(id),
    () => api.changeEndpoint(id, { enabled: state.enabled }),
  );
  return true;
}

/** An endpoint with its settings, state and deliveries. */
export function EndpointPage({ endpoint, delivery }: { endpoint: Endpoint; delivery: string | undefined }) {
  const [causes, setCauses] = useState<Cause[]>();
  const [range, setRange] = useState<{ since: string; until: string }>();
  const navigate = useNavigate();
  const file = useProvider(endpoint.provider).data;
  const { id } = endpoint;
  const to = (now: string | undefined, shown: string | undefined): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: now, delivery: shown } });
  const remove = async (): Promise<void> => {
    if (await removeEndpoint(endpoint)) to(undefined, undefined);
  };
  const diagnose = (): void =>
    void (causes ? setCauses(undefined) : attempt(api.diagnoseEndpoint(id).then(({ items }) => setCauses(items))));
  useCommands({
    "test-event": () => void attempt(api.testEndpoint(id).then((made) => to(id, made.id))),
    "send-event": () => void navigate({ to: "/compose", search: { endpoint: id } }),
  });
  const content = (
    <>
      {causes && <Diagnosis causes={causes} />}
      <Disabled endpoint={endpoint} />
      <EndpointStats id={id} onPick={(since, until) => setRange({ since, until })} />
      <EndpointDeliveries
        endpoint={id}
        enabled={endpoint.state.enabled}
        range={range}
        onRange={setRange}
        selected={delivery}
        onPick={(shown) => to(id, shown)}
      />
    </>
  );
  return (
    <Page
      title={visible(endpoint.name || endpoint.url)}
      label="Endpoint"
      wide
      beside={<StatePill endpoint={endpoint} />}
      subtitle={<Summary endpoint={endpoint} file={file} />}
      actions={<Actions endpoint={endpoint} onDiagnose={diagnose} onRemove={() => void remove()} />}
    >
      <div className="two-columns grid items-start gap-4">
        <div className="min-w-0 space-y-3">{content}</div>
        {delivery ? (
          <div className="min-h-0 overflow-hidden rounded-[9px] border border-line">
            <DeliveryPane id={delivery} back="Back to endpoint" onBack={() => to(id, undefined)} />
          </div>
        ) : (
          <aside aria-label="Settings" className="side-cards grid gap-3">
            <EndpointSecret endpoint={endpoint} />
            <Policy endpoint={endpoint} vendors={file?.sending?.policy} known={file !== undefined} />
            <RetryClock endpoint={endpoint} />
            <Traps file={file} />
            <Card title="Handler code">
              <Handlers
                provider={endpoint.provider}
                scheme={endpoint.scheme}
                signed={endpoint.signed ?? file?.sending?.signed ?? true}
              />
            </Card>
          </aside>
        )}
      </div>
    </Page>
  );
}

function Disabled({ endpoint: { id, state } }: { endpoint: Endpoint }) {
  if (state.enabled) return null;
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-3 rounded-[9px] border border-invalid/40 bg-invalid/8 px-3 py-2"
    >
      <TriangleAlert size={17} aria-hidden className="shrink-0 text-invalid" />
      <p className="min-w-0 flex-1 basis-60">
        <strong className="font-semibold">This endpoint is disabled.</strong> {visible(state.reason ?? "")}{" "}
        <span className="text-ink-2">Events are stored as skipped and can be resent later.</span>
      </p>
      <Button look="primary" icon={Power} onClick={() => void attempt(api.changeEndpoint(id, { enabled: true }))}>
        Enable
      </Button>
    </div>
  );
}

function Summary({ endpoint, file }: { endpoint: Endpoint; file: ProviderFile | undefined }) {
  const url = visible(endpoint.url);
  return (
    <>
      <code className="font-mono text-data break-all text-ink">{url}</code>
      <IconButton label="Copy URL" icon={Copy} className="h-5! align-middle" onClick={() => copyText(url, "URL")} />
      {" · "}Send as <strong className="font-medium text-accent">{file?.name ?? endpoint.provider}</strong> ·{" "}
      {endpoint.events ? `${endpoint.events.length} event types` : "all events"}
      {endpoint.local_test && <span className="text-warning"> · plain http allowed</span>}{" "}
      <ManagedMark type="endpoint" id={endpoint.id} named />
    </>
  );
}

function Traps({ file }: { file: ProviderFile | undefined }) {
  const traps = file?.sending?.traps ?? [];
  if (traps.length === 0) return null;
  return (
    <Card title="Known problems">
      <ul className="space-y-1.5">
        {traps.map(({ warning }) => (
          <li key={warning} className="text-small text-ink-2">
            {warning}
          </li>
        ))}
      </ul>
    </Card>
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
  const [open, setOpen] = useState<"edit" | "check">();
  const close = (): void => setOpen(undefined);
  const { id, state } = endpoint;
  return (
    <>
      <Button
        look={state.enabled ? "primary" : "plain"}
        icon={Send}
        keys={firstKeys("send-event")}
        onClick={() => perform("send-event")}
      >
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
      <RowMenu
        label="More endpoint actions"
        items={[
          ...(state.enabled
            ? [["Disable", () => void attempt(api.changeEndpoint(id, { enabled: false }))] as const]
            : []),
          ["Delete endpoint", onRemove],
        ]}
      />
      <CheckDialog endpoint={id} open={open === "check"} onClose={close} />
      <EndpointDialog endpoint={endpoint} open={open === "edit"} onClose={close} />
    </>
  );
}
