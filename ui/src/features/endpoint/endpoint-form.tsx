import { api, type Endpoint, type EndpointSettings, type ProviderFile } from "../../api/client";
import { useProvider, useProviders } from "../../api/queries";
import { Advanced } from "../../ui/advanced";
import { Dialog } from "../../ui/dialog";
import { SearchSelectField, TextAreaField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { SecretHeaderFields } from "../../ui/header-fields";
import { Checkbox } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { Managed } from "../project";
import { NEW_ENDPOINT, settingsOf } from "./endpoint-settings";

interface Props {
  endpoint?: Endpoint;
  onClose: () => void;
  onMade?: (id: string) => void;
}

interface PartProps {
  settings: EndpointSettings;
  set: (change: Partial<EndpointSettings>) => void;
}

/** The dialog that creates or edits an endpoint. */
export function EndpointDialog({ open, ...rest }: Props & { open: boolean }) {
  return (
    <Dialog title={rest.endpoint ? "Endpoint" : "New endpoint"} open={open} onClose={rest.onClose} wide>
      <EndpointForm {...rest} />
    </Dialog>
  );
}

/** Returns true for a plain URL of this computer, to which no vendor could send. */
const isLocal = (url: string): boolean => /^http:\/\/(localhost|127\.|\[::1\])/i.test(url);

/** Returns a function that looks up a value of the delivery policy by its name. */
function policyFacts(endpoint: Endpoint | undefined, provider: string, file: ProviderFile | undefined) {
  const policy: object | undefined =
    endpoint && endpoint.provider === provider ? endpoint.policy_in_force : file?.sending?.policy;
  return (name: string): unknown =>
    policy ? Object.values((policy as Record<string, object>)[name] ?? {})[0] : undefined;
}

function EndpointForm({ endpoint, onClose, onMade }: Props) {
  const [settings, set] = useFormState<EndpointSettings>(() => (endpoint ? settingsOf(endpoint) : NEW_ENDPOINT));
  const file = useProvider(settings.provider).data;
  const fact = policyFacts(endpoint, settings.provider, file);
  const events = file?.sending?.events ?? [];
  const { submit, error } = useSubmission(async () => {
    const given = { ...settings, local_test: settings.local_test || isLocal(settings.url) };
    const saved = endpoint ? await api.changeEndpoint(endpoint.id, { settings: given }) : await api.addEndpoint(given);
    tell(endpoint ? "Endpoint saved" : "Endpoint created");
    onClose();
    onMade?.(saved.id);
  });
  return (
    <Form onSubmit={submit}>
      {endpoint && <Managed type="endpoint" id={endpoint.id} />}
      <div className="grid grid-cols-2 gap-x-4 max-sm:grid-cols-1">
        <TextField
          label="URL"
          hint="Events are sent to this URL."
          mono
          value={settings.url}
          onChange={(url) => set({ url })}
        />
        <TextField
          label="Name"
          hint="The host of the URL if empty."
          value={settings.name ?? ""}
          onChange={(name) => set({ name })}
        />
        <VendorField settings={settings} set={set} fixed={Boolean(endpoint)} knowsEvents={Boolean(file?.sending)} />
        <AccountField settings={settings} set={set} name={String(fact("account") ?? "account")} />
      </div>
      {events.length > 0 && fact("choice") !== false && (
        <EventFields settings={settings} set={set} events={typesOf(events)} />
      )}
      {fact("https") === "required" && (
        <Switch
          label="Allow plain http:// (local testing)"
          hint={`${file?.name ?? "The vendor"} sends only to https:// URLs.${isLocal(settings.url) ? " On for a URL of this computer." : ""}`}
          checked={settings.local_test || isLocal(settings.url)}
          onChange={(local_test) => set({ local_test })}
        />
      )}
      <AdvancedFields settings={settings} set={set} />
      <FormEnd error={error}>{endpoint ? "Save" : "Create endpoint"}</FormEnd>
    </Form>
  );
}

function AdvancedFields({ settings, set }: PartProps) {
  const { headers = [], trusted_certificate: certificate, url } = settings;
  return (
    <Advanced isSet={headers.length > 0 || Boolean(certificate)}>
      <SecretHeaderFields legend="Custom headers" headers={headers} onChange={(now) => set({ headers: now })} />
      {url.startsWith("https:") && (
        <TextAreaField
          label="Trust this PEM certificate"
          hint="For local servers. The certificate is accepted for any host name."
          rows={2}
          value={certificate ?? ""}
          onChange={(now) => set({ trusted_certificate: now || null })}
        />
      )}
    </Advanced>
  );
}

function VendorField({ settings, set, fixed, knowsEvents }: PartProps & { fixed: boolean; knowsEvents: boolean }) {
  const providers = useProviders().data?.items ?? [];
  const group = (label: string, known: boolean) => ({
    label,
    options: providers.filter(({ events }) => events.length > 0 === known).map(({ id, name }) => [id, name] as const),
  });
  return (
    <SearchSelectField
      label="Send as"
      hint={knowsEvents ? undefined : "No events of this vendor are documented: enter the payload of each event."}
      disabled={fixed}
      value={settings.provider}
      groups={[group("Documented events", true), group("Custom payloads", false)]}
      onChange={(provider) => set({ provider, events: null })}
    />
  );
}

/** The account, with the vendor's own term as its label. */
function AccountField({ settings, set, name }: PartProps & { name: string }) {
  return (
    <TextField
      label={name.charAt(0).toUpperCase() + name.slice(1)}
      hint="Endpoints with the same value share the vendor's limits."
      value={settings.account ?? ""}
      onChange={(account) => set({ account })}
    />
  );
}

/** Returns the event types as sent, each once: an endpoint subscribes to types, of which a provider can have several events. */
function typesOf(events: NonNullable<ProviderFile["sending"]>["events"]): { type: string; about: string }[] {
  const types = new Map<string, string>();
  for (const { type, sent_as, about } of events) {
    if (!types.has(sent_as ?? type)) types.set(sent_as ?? type, sent_as ? "" : about);
  }
  return [...types].map(([type, about]) => ({ type, about }));
}

function EventFields({
  settings: { events: chosen },
  set,
  events,
}: PartProps & { events: readonly { type: string; about: string }[] }) {
  return (
    <fieldset className="mb-4">
      <legend className="mb-1 font-medium">Events</legend>
      <Switch
        label="All events, including future ones"
        checked={chosen == null}
        onChange={(all) => set({ events: all ? null : events.map(({ type }) => type) })}
      />
      {chosen != null && (
        <div className="grid grid-cols-2 gap-1 max-sm:grid-cols-1">
          {events.map(({ type, about }) => (
            <Checkbox
              key={type}
              title={about}
              checked={chosen.includes(type)}
              onChange={(now) => set({ events: now ? [...chosen, type] : chosen.filter((one) => one !== type) })}
            >
              <span className="min-w-0 break-words">{type}</span>
            </Checkbox>
          ))}
        </div>
      )}
    </fieldset>
  );
}
