/** The form of a run: the handler and the vendor, then the plan, then the start. */
import { useNavigate } from "@tanstack/react-router";
import { ClipboardCheck } from "lucide-react";
import { useState } from "react";

import { api, type CheckNew, type CheckPlan } from "../../api/client";
import { useEndpoints, useProviders } from "../../api/queries";
import { Dialog } from "../../ui/dialog";
import { NumberField, SearchSelectField, SecretField, SelectField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { PlanSummary } from "./check-plan";

interface Settings {
  /** Empty for a handler that is given by its URL. */
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
    <Dialog title="Check a handler" open={open} onClose={onClose} wide>
      <CheckForm endpoint={endpoint ?? ""} onClose={onClose} />
    </Dialog>
  );
}

/** The events that may be sent as the usual one. */
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
    // The plan was made for other settings.
    setPlan(undefined);
    clear();
  };
  return (
    <Form onSubmit={submit}>
      <p className="mb-3 text-ink-2">
        Forty-eight questions with real signed events: forged, stale, repeated, broken and large ones, each judged by a
        rule that somebody wrote down.
      </p>
      {endpoints.length > 0 && (
        <SelectField
          label="Handler"
          value={settings.endpoint}
          options={[["", "a URL"], ...endpoints.map(({ id, name, url }) => [id, name || url] as const)]}
          onChange={(now) => set({ endpoint: now })}
        />
      )}
      {!settings.endpoint && <HandlerFields settings={settings} set={set} />}
      <TextField
        label="Effect probe"
        hint="A page of yours that says how many effects there were, such as a count of rows. Without one, whether three deliveries had one effect stays unknown. Commands and SQLite queries: hookbench check."
        mono
        value={settings.probe}
        placeholder="http://localhost:3000/effects"
        onChange={(probe) => set({ probe })}
      />
      <MoreFields settings={settings} set={set} events={events} />
      {plan && <PlanSummary plan={plan} />}
      <FormEnd error={error} icon={ClipboardCheck}>
        {plan ? (plan.this_machine ? "Begin" : `Send them to ${plan.host}`) : "Show what will be sent"}
      </FormEnd>
    </Form>
  );
}

/** A handler that is no endpoint yet: its URL, the vendor it expects and the secret it has. */
function HandlerFields({ settings: { url, provider, secret }, set }: PartProps) {
  const signing = (useProviders().data?.items ?? []).filter(({ schemes }) => schemes.length > 0);
  const group = (label: string, known: boolean) => ({
    label,
    options: signing.filter(({ events }) => events.length > 0 === known).map((one) => [one.id, one.name] as const),
  });
  return (
    <>
      <TextField
        label="URL of the handler"
        mono
        value={url}
        placeholder="http://localhost:3000/webhooks"
        onChange={(now) => set({ url: now })}
      />
      <div className="flex gap-4 max-sm:block">
        <div className="flex-1">
          <SearchSelectField
            label="Played vendor"
            value={provider}
            groups={[group("With their own events", true), group("With made-up events", false)]}
            onChange={(now) => set({ provider: now })}
          />
        </div>
        <div className="flex-1">
          <SecretField label="Secret the handler knows" mono value={secret} onChange={(now) => set({ secret: now })} />
        </div>
      </div>
    </>
  );
}

function MoreFields({ settings: { event, oldSecret, burst }, set, events }: PartProps & { events: string[] }) {
  const [first = "", ...others] = events;
  return (
    <details className="mb-4">
      <summary className="mb-2 cursor-default font-medium">More</summary>
      <SelectField
        label="Usual event"
        hint="One that has an effect in your handler."
        value={event}
        options={[["", first], ...others.map((kind) => [kind, kind] as const)]}
        onChange={(now) => set({ event: now })}
      />
      <SecretField
        label="Old secret"
        hint="One the handler knew before; it must be refused now."
        mono
        value={oldSecret}
        onChange={(now) => set({ oldSecret: now })}
      />
      <NumberField
        label="Requests a second in the burst"
        required
        min={1}
        max={200}
        value={burst}
        onChange={(now) => set({ burst: now ?? 0 })}
      />
    </details>
  );
}
