import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  CheckCircle2,
  ClipboardCheck,
  Copy,
  Eye,
  MinusCircle,
  Pause,
  Pencil,
  Play,
  Power,
  RefreshCw,
  Send,
  SkipForward,
  Stethoscope,
  Trash2,
  TriangleAlert,
  XCircle,
  Zap,
} from "lucide-react";
import { useState } from "react";

import { CheckDialog } from "../checks";
import { api, type Cause, type Endpoint } from "../../api/client";
import { keys } from "../../api/keys";
import { useProvider } from "../../api/queries";
import { firstKeys, perform, useCommands } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Notice } from "../../ui/notice";
import { confirm } from "../../ui/confirm";
import { visible } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { platform } from "../../platform";
import { Handlers } from "../signature";
import { DeliveryDetail, DeliveryTable } from "../delivery";
import { EndpointDialog } from "./endpoint-form";
import { EndpointStats } from "./endpoint-stats";
import { Policy } from "./policy-form";
import { SendEvent } from "./send-event";

const SPEEDS = [
  ["1", "×1"],
  ["60", "×60"],
  ["1000", "×1000"],
] as const;

function Secret({ endpoint }: { endpoint: Endpoint }) {
  const [shown, setShown] = useState<string>();
  const first = (): Promise<string> => api.endpointSecrets(endpoint.id).then(({ items }) => items[0]?.value ?? "");
  const rotate = async (): Promise<void> => {
    const text =
      "New events use the new secret. The old one signs beside it for 24 hours where the vendor's signature can hold two; elsewhere it stops working now, and your handler needs the new one.";
    if (!(await confirm("Replace the signing secret?", text, "Replace"))) return;
    await attempt(
      api.rotateSecret(endpoint.id).then(({ secrets }) => {
        setShown(undefined);
        tell((secrets?.length ?? 0) > 1 ? "A new secret; the old one signs for a day beside it" : "A new secret");
      }),
    );
  };
  if (!endpoint.secrets?.length) return <p className="text-ink-2">It signs nothing.</p>;
  return (
    <p className="flex flex-wrap items-center gap-1">
      <span className="text-ink-2">Signing secret</span>
      <code className="font-mono text-data break-all">{shown ?? "••••••••"}</code>
      <IconButton
        label={shown ? "Hide secret" : "Reveal secret"}
        icon={Eye}
        pressed={Boolean(shown)}
        onClick={() => void (shown ? setShown(undefined) : attempt(first().then(setShown)))}
      />
      <IconButton
        label="Copy secret"
        icon={Copy}
        onClick={() =>
          void attempt(
            first()
              .then((secret) => platform.copyText(secret))
              .then(() => tell("Copied secret")),
          )
        }
      />
      <IconButton label="New secret" icon={RefreshCw} onClick={() => void rotate()} />
      {endpoint.secrets.length > 1 && <span className="text-small text-ink-2">and an old one beside it</span>}
    </p>
  );
}

/** What was skipped while it was switched off can be sent late, all of it at once. */
function Skipped({ endpoint }: { endpoint: string }) {
  const query = { endpoint, state: "skipped", limit: SKIPPED_COUNTED } as const;
  const { data } = useQuery({
    queryKey: keys.deliveries(query),
    queryFn: () => api.deliveries(query),
  });
  const skipped = data?.items.length ?? 0;
  if (skipped === 0) return null;
  return (
    <p className="mb-2 flex flex-wrap items-center gap-3">
      {data?.next ? `More than ${SKIPPED_COUNTED}` : skipped} {skipped === 1 ? "delivery was" : "deliveries were"}{" "}
      skipped while it was off.
      <Button
        icon={SkipForward}
        onClick={() =>
          void attempt(
            api
              .retryDeliveries({ endpoint, state: "skipped" })
              .then(({ deliveries }) =>
                tell(`${deliveries} ${deliveries === 1 ? "delivery is" : "deliveries are"} on the way`),
              ),
          )
        }
      >
        Send them now
      </Button>
    </p>
  );
}

/** Skipped deliveries that are counted; beyond, their number says nothing more. */
const SKIPPED_COUNTED = 100;

const FOUND = {
  ok: { icon: CheckCircle2, colour: "text-valid", word: "fine" },
  failed: { icon: XCircle, colour: "text-invalid", word: "this is it" },
  skipped: { icon: MinusCircle, colour: "text-ink-2", word: "not looked at" },
} as const;

/** The causes for which nothing arrives, each with what was found. */
function Causes({ causes }: { causes: Cause[] }) {
  return (
    <ul
      aria-label="Why is nothing arriving?"
      aria-live="polite"
      className="mb-4 rounded-[9px] border border-line bg-pane px-3 py-2"
    >
      {causes.map(({ name, found, detail }) => {
        const { icon: Icon, colour, word } = FOUND[found];
        return (
          <li key={name} className="flex items-start gap-2 py-0.5">
            <Icon size={14} aria-label={word} className={`mt-0.5 shrink-0 ${colour}`} />
            <span className="w-28 shrink-0 font-medium">{name}</span>
            <span className={found === "failed" ? "text-invalid" : "text-ink-2"}>{visible(detail)}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** One endpoint: what it is, how it stands, and what was sent. */
export function EndpointPage({ endpoint, delivery }: { endpoint: Endpoint; delivery: string | undefined }) {
  const [editing, setEditing] = useState(false);
  const [checking, setChecking] = useState(false);
  const [sending, setSending] = useState(false);
  const [causes, setCauses] = useState<Cause[]>();
  const navigate = useNavigate();
  const file = useProvider(endpoint.provider).data;
  const show = (id: string | undefined): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: endpoint.id, delivery: id } });
  const test = (): void => void attempt(api.testEndpoint(endpoint.id).then(({ id }) => show(id)));
  const remove = async (): Promise<void> => {
    if (
      !(await confirm(
        "Remove this endpoint?",
        "Its settings and its secret are deleted, and what waits for it is not sent. Its deliveries stay.",
        "Remove",
      ))
    )
      return;
    await attempt(
      api.removeEndpoint(endpoint.id).then(() => {
        tell("Endpoint removed; its deliveries stay");
        void navigate({
          to: "/endpoints/{-$endpoint}/{-$delivery}",
          params: { endpoint: undefined, delivery: undefined },
        });
      }),
    );
  };
  useCommands({ "test-event": test, "send-event": () => setSending(true) });
  const traps = file?.sending?.traps ?? [];
  const speed = SPEEDS.find(([speed]) => Number(speed) === endpoint.speed)?.[0] ?? "1";
  return (
    <div className={`grid h-full min-h-0 ${delivery ? "grid-cols-2 max-lg:grid-cols-1" : ""}`}>
      <section aria-label="Endpoint" className={`min-w-0 overflow-auto p-6 ${delivery ? "max-lg:hidden" : ""}`}>
        <h1 className="text-title font-semibold tracking-tight">{visible(endpoint.name || endpoint.url)}</h1>
        <p className="mb-3 text-ink-2">
          Hookline is <strong className="text-ink">{file?.name ?? endpoint.provider}</strong> and sends{" "}
          {endpoint.events ? `${endpoint.events.length} kinds of event` : "all events"} to{" "}
          <code className="font-mono text-data break-all text-ink">{visible(endpoint.url)}</code>
          {endpoint.local_test && (
            <span className="ml-2 rounded border border-line px-1.5 text-small text-warning">local test</span>
          )}
        </p>
        <div className="mb-4 flex flex-wrap items-center gap-2">
          <Button look="primary" icon={Send} keys={firstKeys("send-event")} onClick={() => perform("send-event")}>
            Send an event
          </Button>
          <Button icon={Zap} keys={firstKeys("test-event")} onClick={test}>
            Test
          </Button>
          <Button
            icon={Stethoscope}
            onClick={() =>
              void (causes
                ? setCauses(undefined)
                : attempt(api.diagnoseEndpoint(endpoint.id).then(({ items }) => setCauses(items))))
            }
          >
            Why is nothing arriving?
          </Button>
          <Button icon={ClipboardCheck} onClick={() => setChecking(true)}>
            Check handler
          </Button>
          <Button icon={Pencil} onClick={() => setEditing(true)}>
            Edit
          </Button>
          <Button
            icon={Power}
            onClick={() => void attempt(api.changeEndpoint(endpoint.id, { enabled: !endpoint.state.enabled }))}
          >
            {endpoint.state.enabled ? "Switch off" : "Switch on"}
          </Button>
          <IconButton label="Remove endpoint" icon={Trash2} onClick={() => void remove()} />
        </div>
        {causes && <Causes causes={causes} />}
        {!endpoint.state.enabled && (
          <div className="mb-4">
            <Notice icon={TriangleAlert} tone="warning" title="This endpoint is switched off">
              {visible(endpoint.state.reason ?? "")} What is sent meanwhile is kept as skipped, and can be sent late.
            </Notice>
          </div>
        )}
        <div className="mb-4 flex flex-wrap items-center gap-3">
          <span className="text-ink-2">Time</span>
          <Choice
            label="Speed of its time"
            value={speed}
            options={SPEEDS}
            onChange={(now) => void attempt(api.changeEndpoint(endpoint.id, { settings: { speed: Number(now) } }))}
          />
          <Button
            icon={endpoint.paused ? Play : Pause}
            onClick={() => void attempt(api.changeEndpoint(endpoint.id, { settings: { paused: !endpoint.paused } }))}
          >
            {endpoint.paused ? "Let time go on" : "Stop time"}
          </Button>
          {endpoint.paused && <span className="text-warning">Its time stands still: nothing is sent.</span>}
        </div>
        <Secret endpoint={endpoint} />
        {traps.map(({ warning }) => (
          <p key={warning} className="mt-2 flex items-start gap-2 text-warning">
            <TriangleAlert size={14} aria-hidden className="mt-0.5 shrink-0" /> {warning}
          </p>
        ))}
        <section aria-label="Recent deliveries" className="mt-4">
          <h3 className="mb-1 font-semibold">Recent deliveries</h3>
          {endpoint.state.enabled && <Skipped endpoint={endpoint.id} />}
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
      {delivery && (
        <div className="flex min-h-0 min-w-0 flex-col border-l border-line bg-pane">
          <div className="border-b border-line p-2 lg:hidden">
            <Button onClick={() => show(undefined)}>Back to the endpoint</Button>
          </div>
          <div className="min-h-0 flex-1">
            <DeliveryDetail key={delivery} id={delivery} />
          </div>
        </div>
      )}
      <CheckDialog endpoint={endpoint.id} open={checking} onClose={() => setChecking(false)} />
      <EndpointDialog endpoint={endpoint} open={editing} onClose={() => setEditing(false)} />
      <SendEvent endpoint={endpoint} open={sending} onClose={() => setSending(false)} />
    </div>
  );
}
