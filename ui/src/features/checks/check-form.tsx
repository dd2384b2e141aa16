/** The form that starts a run: handler and vendor, then a preview of the requests. */
import { useNavigate } from "@tanstack/react-router";
import { ClipboardCheck } from "lucide-react";
import { useState } from "react";

import { api, type CheckNew, type CheckPlan } from "../../api/client";
import { useEndpoints, useProviders } from "../../api/queries";
import { Advanced } from "../../ui/advanced";
import { Dialog } from "../../ui/dialog";
import { NumberField, SearchSelectField, SecretField, SelectField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { PlanSummary } from "./check-plan";

interface Settings {
  /** Id of the endpoint; empty if the handler is given by its URL. */
  endpoint: string;
  url: string;
  provider: string;
  secret: string;
  probe: string;
  event: string;
  oldSecret: string;
  burst: number;
}

interface PartProps {
  settings: Settings;
  set: (change: Partial<Settings>) => void;
}

const FIRST: Settings = {
  endpoint: "",
  url: "",
  provider: "standard-webhooks",
  secret: "",
  probe: "",
  event: "",
  oldSecret: "",
  burst: 20,
};

export function CheckDialog({ endpoint, open, onClose }: { endpoint?: string; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Check handler" open={open} onClose={onClose} wide>
      <CheckForm endpoint={endpoint ?? ""} onClose={onClose} />
    </Dialog>
  );
}

/** Returns the event types of the vendor. */
function useEvents({ endpoint, provider }: Settings): string[] {
  const endpoints = useEndpoints().data?.items ?? [];
  const providers = useProviders().data?.items ?? [];
  const vendor = endpoint ? endpoints.find(({ id }) => id === endpoint)?.provider : provider;
  return providers.find(({ id }) => id === vendor)?.events ?? [];
}

function requestOf(settings: Settings, events: readonly string[]): CheckNew {
  const { endpoint, url, provider, secret, probe, event, oldSecret, burst } = settings;
  return {
    settings: {
      ...(endpoint ? { endpoint } : { url, provider, secret }),
      probe: probe ? { url: probe } : null,
      event: events.includes(event) ? event : null,
      old_secret: oldSecret || null,
      burst,
    },
  };
}

function CheckForm({ endpoint, onClose }: { endpoint: string; onClose: () => void }) {
  const navigate = useNavigate();
  const endpoints = useEndpoints().data?.items ?? [];
  const [settings, change] = useFormState<Settings>({ ...FIRST, endpoint });
  const [plan, setPlan] = useState<CheckPlan>();
  const events = useEvents(settings);
  const { submit, error, clear } = useSubmission(async () => {
    const request = requestOf(settings, events);
    if (!plan) return setPlan(await api.checkPlan(request));
    const run = await api.beginCheck({ ...request, confirm: plan.host });
    onClose();
    await navigate({ to: "/checks/{-$check}", params: { check: run.id } });
  });
  const set = (now: Partial<Settings>): void => {
    change(now);
    // The preview belongs to the previous settings.
    setPlan(undefined);
    clear();
  };
  return (
    <Form onSubmit={submit}>
      <p className="mb-3 text-ink-2">
        Sends signed events to the handler, among them forged, expired, duplicate, malformed and large ones, and checks
        the responses. Each check cites its source.
      </p>
      {endpoints.length > 0 && (
        <SelectField
          label="Handler"
          value={settings.endpoint}
          options={[["", "A URL"], ...endpoints.map(({ id, name, url }) => [id, name || url] as const)]}
          onChange={(now) => set({ endpoint: now })}
        />
      )}
      {!settings.endpoint && <HandlerFields settings={settings} set={set} />}
      <TextField
        label="Side-effect probe"
        hint="URL that returns the number of side effects, such as a row count. Without a probe, checks that count side effects end as unknown. The hookbench check command also accepts shell commands and SQLite queries."
        mono
        value={settings.probe}
        placeholder="http://localhost:3000/effects"
        onChange={(probe) => set({ probe })}
      />
      <MoreFields settings={settings} set={set} events={events} />
      {plan && <PlanSummary plan={plan} />}
      <FormEnd error={error} icon={ClipboardCheck}>
        {plan ? (plan.this_machine ? "Run checks" : `Send to ${plan.host}`) : "Preview requests"}
      </FormEnd>
    </Form>
  );
}

/** Fields of a handler without an endpoint: URL, vendor and signing secret. */
function HandlerFields({ settings: { url, provider, secret }, set }: PartProps) {
  const signing = (useProviders().data?.items ?? []).filter(({ schemes }) => schemes.length > 0);
  const group = (label: string, known: boolean) => ({
    label,
    options: signing.filter(({ events }) => events.length > 0 === known).map((one) => [one.id, one.name] as const),
  });
  return (
    <>
      <TextField
        label="Handler URL"
        mono
        value={url}
        placeholder="http://localhost:3000/webhooks"
        onChange={(now) => set({ url: now })}
      />
      <div className="flex gap-4 max-sm:block">
        <div className="flex-1">
          <SearchSelectField
            label="Send as"
            value={provider}
            groups={[group("Documented events", true), group("Generated events", false)]}
            onChange={(now) => set({ provider: now })}
          />
        </div>
        <div className="flex-1">
          <SecretField label="Signing secret" mono value={secret} onChange={(now) => set({ secret: now })} />
        </div>
      </div>
    </>
  );
}

function MoreFields({ settings: { event, oldSecret, burst }, set, events }: PartProps & { events: string[] }) {
  const [first = "", ...others] = events;
  return (
    <Advanced isSet={Boolean(event || oldSecret)}>
      <SelectField
        label="Event type"
        hint="An event that causes a side effect in your handler."
        value={event}
        options={[["", first], ...others.map((kind) => [kind, kind] as const)]}
        onChange={(now) => set({ event: now })}
      />
      <SecretField
        label="Previous secret"
        hint="The handler must reject this secret."
        mono
        value={oldSecret}
        onChange={(now) => set({ oldSecret: now })}
      />
      <NumberField
        label="Burst rate (req/s)"
        required
        min={1}
        max={200}
        value={burst}
        onChange={(now) => set({ burst: now ?? 0 })}
      />
    </Advanced>
  );
}
