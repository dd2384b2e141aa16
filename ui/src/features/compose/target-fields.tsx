import type { ReactNode } from "react";

import { useEndpoints, useProviders } from "../../api/queries";
import { Input, SecretInput } from "../../ui/input";
import { SearchSelect, Select } from "../../ui/select";
import { Switch } from "../../ui/switch";
import type { Draft } from "./draft";

const METHODS = ["POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS"] as const;

interface Props {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
}

/** The method and the URL, or a saved endpoint. */
export function TargetFields({ draft, set, isEvent }: Props & { isEvent: boolean }) {
  const endpoints = useEndpoints().data?.items ?? [];
  const chosen = endpoints.find(({ id }) => id === draft.endpoint);
  const methods = [...new Set([draft.method, ...METHODS])];
  return (
    <>
      {!isEvent && (
        <Select
          aria-label="Method"
          className="w-24! font-mono text-data"
          value={draft.method}
          options={methods.map((one) => [one, one] as const)}
          onChange={(method) => set({ method })}
        />
      )}
      <Input
        aria-label="URL"
        mono
        className="min-w-0 flex-1"
        placeholder="http://localhost:3000/webhooks"
        disabled={chosen !== undefined}
        value={chosen ? chosen.url : draft.url}
        onChange={(url) => set({ url })}
      />
      {endpoints.length > 0 && (
        <Select
          aria-label="Endpoint"
          className="w-36!"
          value={draft.endpoint}
          options={[["", "A URL"], ...endpoints.map(({ id, name, url }) => [id, name || url] as const)]}
          onChange={(endpoint) => {
            const provider = endpoints.find(({ id }) => id === endpoint)?.provider;
            set(provider && isEvent ? { endpoint, provider } : { endpoint });
          }}
        />
      )}
    </>
  );
}

interface EventKind {
  type: string;
  about: string;
}

/** The provider, the event and the signature. A stored request can only be signed again. */
export function ProviderFields({
  draft,
  set,
  events,
  isStored,
  canReSign,
  onEvent,
}: Props & {
  events: readonly EventKind[];
  isStored: boolean;
  /** True if the inbox or the endpoint has a secret. */
  canReSign: boolean;
  onEvent: (type: string) => void;
}) {
  const providers = useProviders().data?.items ?? [];
  const named = providers
    .toSorted((a, b) => a.name.localeCompare(b.name, undefined, { sensitivity: "base" }))
    .map(({ id, name }) => [id, name] as const);
  if (isStored) {
    return (
      <Switch
        label="Re-sign"
        hint={
          canReSign
            ? `Signs with the secret of the ${draft.endpoint ? "endpoint" : "inbox"} and a new timestamp.`
            : "Add a provider and a secret to the inbox to sign again."
        }
        checked={draft.reSign && canReSign}
        onChange={(reSign) => set({ reSign })}
      />
    );
  }
  return (
    <div className="grid grid-cols-3 gap-3">
      <Labelled label="Send as">
        <SearchSelect
          aria-label="Send as"
          value={draft.provider}
          groups={[
            { label: "Any request", options: [["", "No vendor"]] },
            { label: "Vendors", options: named },
          ]}
          onChange={(provider) => set({ provider, event: "" })}
        />
      </Labelled>
      {draft.provider && (
        <Labelled label="Event">
          {events.length > 0 ? (
            <SearchSelect
              aria-label="Event"
              value={draft.event}
              groups={[{ label: "Events", options: events.map(({ type }) => [type, type] as const) }]}
              onChange={onEvent}
            />
          ) : (
            <Input aria-label="Event" mono value={draft.event} onChange={(event) => set({ event })} />
          )}
        </Labelled>
      )}
      {draft.provider && !draft.endpoint && (
        <Labelled label="Secret">
          <SecretInput
            aria-label="Secret"
            mono
            placeholder="none: unsigned"
            value={draft.secret}
            onChange={(secret) => set({ secret })}
          />
        </Labelled>
      )}
    </div>
  );
}

function Labelled({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <span aria-hidden className="mb-1 block text-small text-ink-2">
        {label}
      </span>
      {children}
    </div>
  );
}
