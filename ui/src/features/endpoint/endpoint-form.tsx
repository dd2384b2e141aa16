import { Plus, X } from "lucide-react";
import { useState } from "react";

import { api, type Endpoint, type EndpointSettings } from "../../api/client";
import { useProvider, useProviders } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { inWords } from "../../platform";

const NEW: EndpointSettings = {
  url: "http://127.0.0.1:3000/webhook",
  provider: "onwebchat",
  name: "",
  scope: "",
  events: null,
  secrets: [],
  headers: [],
  local_test: false,
};

/** An endpoint that is made, or changed. */
export function EndpointDialog({
  endpoint,
  open,
  onClose,
  onMade,
}: {
  endpoint?: Endpoint;
  open: boolean;
  onClose: () => void;
  onMade?: (id: string) => void;
}) {
  return (
    <Dialog title={endpoint ? "Endpoint" : "New endpoint"} open={open} onClose={onClose} wide>
      <Form endpoint={endpoint} onClose={onClose} onMade={onMade} />
    </Dialog>
  );
}

function Form({
  endpoint,
  onClose,
  onMade,
}: {
  endpoint: Endpoint | undefined;
  onClose: () => void;
  onMade: ((id: string) => void) | undefined;
}) {
  const [settings, setSettings] = useState<EndpointSettings>(() => (endpoint ? pick(endpoint) : NEW));
  const [error, setError] = useState<string>();
  const providers = useProviders().data?.items ?? [];
  const file = useProvider(settings.provider).data;
  const set = (change: Partial<EndpointSettings>): void => setSettings({ ...settings, ...change });
  const kinds = file?.sending?.events ?? [];
  const policy = endpoint && endpoint.provider === settings.provider ? endpoint.policy_in_force : file?.sending?.policy;
  const fact = (name: string): unknown =>
    policy ? Object.values((policy as Record<string, object>)[name] ?? {})[0] : undefined;
  const scope = String(fact("scope") ?? "account");
  const headers = settings.headers ?? [];

  const save = async (): Promise<void> => {
    try {
      const saved = endpoint ? await api.changeEndpoint(endpoint.id, { settings }) : await api.addEndpoint(settings);
      tell(endpoint ? "Endpoint saved" : "Endpoint made");
      onClose();
      onMade?.(saved.id);
    } catch (failure) {
      setError(inWords(failure));
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="grid grid-cols-2 gap-x-4 max-sm:grid-cols-1">
        <Field label="URL" hint="Where events are sent.">
          {(props) => (
            <input
              {...props}
              className={`${INPUT} font-mono text-data`}
              value={settings.url}
              onChange={(event) => set({ url: event.target.value })}
            />
          )}
        </Field>
        <Field label="Name" hint="Its host if empty.">
          {(props) => (
            <input
              {...props}
              className={INPUT}
              value={settings.name ?? ""}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Field
          label="Hookline is"
          hint={file?.sending ? undefined : "What it sends is not known here: give each event a payload."}
        >
          {(props) => (
            <select
              {...props}
              disabled={Boolean(endpoint)}
              className={INPUT}
              value={settings.provider}
              onChange={(event) => set({ provider: event.target.value, events: null })}
            >
              <optgroup label="With their events">
                {providers
                  .filter(({ events }) => events.length > 0)
                  .map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
              </optgroup>
              <optgroup label="With payloads of your own">
                {providers
                  .filter(({ events }) => events.length === 0)
                  .map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
              </optgroup>
            </select>
          )}
        </Field>
        <Field
          label={scope.charAt(0).toUpperCase() + scope.slice(1)}
          hint="What it belongs to: the vendor's limits count inside it."
        >
          {(props) => (
            <input
              {...props}
              className={INPUT}
              value={settings.scope ?? ""}
              onChange={(event) => set({ scope: event.target.value })}
            />
          )}
        </Field>
      </div>
      {kinds.length > 0 && fact("choice") !== false && (
        <fieldset className="mb-4">
          <legend className="mb-1 font-medium">Events</legend>
          <Switch
            label="All events, also those to come"
            checked={settings.events == null}
            onChange={(all) => set({ events: all ? null : kinds.map(({ type }) => type) })}
          />
          {settings.events != null && (
            <div className="grid grid-cols-2 gap-1 max-sm:grid-cols-1">
              {kinds.map(({ type, about }) => (
                <label key={type} className="flex items-start gap-2" title={about}>
                  <input
                    type="checkbox"
                    className="mt-1 accent-accent"
                    checked={settings.events!.includes(type)}
                    onChange={(event) =>
                      set({
                        events: event.target.checked
                          ? [...settings.events!, type]
                          : settings.events!.filter((one) => one !== type),
                      })
                    }
                  />
                  <span className="min-w-0 break-words">{type}</span>
                </label>
              ))}
            </div>
          )}
        </fieldset>
      )}
      <fieldset className="mb-4">
        <legend className="mb-1 font-medium">Headers of your own</legend>
        {headers.map((header, place) => (
          <div key={place} className="mb-1 flex items-center gap-1">
            <input
              aria-label={`Name of header ${place + 1}`}
              className={`${INPUT} w-2/5! font-mono text-data`}
              value={header.name}
              onChange={(event) =>
                set({ headers: headers.map((one, at) => (at === place ? { ...one, name: event.target.value } : one)) })
              }
            />
            <input
              aria-label={`Value of header ${place + 1}`}
              type={header.secret ? "password" : "text"}
              autoComplete="off"
              className={`${INPUT} font-mono text-data`}
              value={header.value}
              onChange={(event) =>
                set({ headers: headers.map((one, at) => (at === place ? { ...one, value: event.target.value } : one)) })
              }
            />
            <label className="flex items-center gap-1 text-small">
              <input
                type="checkbox"
                className="accent-accent"
                checked={header.secret ?? false}
                onChange={(event) =>
                  set({
                    headers: headers.map((one, at) => (at === place ? { ...one, secret: event.target.checked } : one)),
                  })
                }
              />{" "}
              secret
            </label>
            <IconButton
              label={`Remove header ${place + 1}`}
              icon={X}
              onClick={() => set({ headers: headers.filter((_, at) => at !== place) })}
            />
          </div>
        ))}
        <Button icon={Plus} onClick={() => set({ headers: [...headers, { name: "", value: "", secret: false }] })}>
          Add header
        </Button>
      </fieldset>
      {fact("https") === "required" && (
        <Switch
          label="Local test: allow plain http://"
          hint={`${file?.name ?? "The vendor"} itself sends only to https:// addresses.`}
          checked={settings.local_test ?? false}
          onChange={(local_test) => set({ local_test })}
        />
      )}
      {settings.url.startsWith("https:") && (
        <Field
          label="Trusted certificate"
          hint="A certificate in PEM that is trusted whatever it says; for local receivers."
        >
          {(props) => (
            <textarea
              {...props}
              rows={2}
              spellCheck={false}
              className={`${INPUT} h-auto! py-1 font-mono text-data`}
              value={settings.trusted_certificate ?? ""}
              onChange={(event) => set({ trusted_certificate: event.target.value || null })}
            />
          )}
        </Field>
      )}
      <FormEnd error={error}>{endpoint ? "Save" : "Make endpoint"}</FormEnd>
    </form>
  );
}

function pick({
  name,
  url,
  provider,
  scheme,
  scope,
  events,
  signed,
  secrets,
  params,
  headers,
  policy,
  local_test,
  trusted_certificate,
  concurrency,
  rate,
  speed,
  paused,
}: Endpoint): EndpointSettings {
  return {
    name,
    url,
    provider,
    scheme,
    scope,
    events,
    signed,
    secrets,
    params,
    headers,
    policy,
    local_test,
    trusted_certificate,
    concurrency,
    rate,
    speed,
    paused,
  };
}
