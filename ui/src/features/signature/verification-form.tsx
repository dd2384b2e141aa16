import { Plus, X } from "lucide-react";

import type { Verification } from "../../api/client";
import { useProviders } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Field, SearchSelectField, SelectField, TextField } from "../../ui/field";
import { SecretInput } from "../../ui/input";

type Provider = NonNullable<ReturnType<typeof useProviders>["data"]>["items"][number];
type Scheme = Provider["schemes"][number];

interface PartProps {
  value: Verification;
  set: (change: Partial<Verification>) => void;
}

/** The verification settings of an inbox: provider, scheme, secrets and parameters. */
export function VerificationForm({
  value,
  onChange,
  beginsInSecret,
}: {
  value: Verification;
  onChange: (now: Verification) => void;
  /** True if a dialog with this form opens in the secret. */
  beginsInSecret?: boolean;
}) {
  const providers = useProviders().data?.items ?? [];
  const set = (change: Partial<Verification>): void => onChange({ ...value, ...change });
  const provider = providers.find(({ id }) => id === value.provider);
  const scheme = provider?.schemes.find(({ id }) => id === value.scheme) ?? provider?.schemes[0];
  const byName = providers.toSorted((a, b) => a.name.localeCompare(b.name, undefined, { sensitivity: "base" }));
  return (
    <fieldset>
      <legend className="sr-only">Verification</legend>
      <SearchSelectField
        label="Provider"
        hint={provider ? undefined : "Without a provider, signatures are not verified."}
        value={value.provider ?? ""}
        groups={[
          { label: "No verification", options: [["", "None"]] },
          { label: "Providers", options: byName.map(({ id, name }) => [id, name] as const) },
        ]}
        onChange={(now) => set({ provider: now || null, scheme: null })}
      />
      {provider && scheme && provider.schemes.length > 1 && (
        <SelectField
          label="Scheme"
          value={scheme.id}
          options={provider.schemes.map(({ id }) => [id, id] as const)}
          onChange={(now) => set({ scheme: now })}
        />
      )}
      {provider && !scheme && <p className="mb-4 text-ink-2">{provider.name} does not sign its requests.</p>}
      {provider?.handshakes.length ? (
        <p className="mb-4 text-ink-2">
          Hookbench responds to the handshakes of {provider.name}: {provider.handshakes.join(", ")}.
        </p>
      ) : null}
      {scheme && (
        <>
          <Secrets value={value} set={set} scheme={scheme} beginsInSecret={beginsInSecret} />
          {scheme.signs_url && (
            <TextField
              label="Registered URL"
              hint="The signature covers this URL, but a tunnel or proxy changes the received URL."
              type="url"
              placeholder="https://…"
              mono
              value={value.url ?? ""}
              onChange={(now) => set({ url: now || null })}
            />
          )}
          {!scheme.signs_body && <p className="mb-4 text-warning">This signature does not cover the body.</p>}
        </>
      )}
      <Params value={value} set={set} scheme={scheme} provider={provider} />
    </fieldset>
  );
}

function Secrets({
  value,
  set,
  scheme,
  beginsInSecret,
}: PartProps & { scheme: Scheme; beginsInSecret: boolean | undefined }) {
  const secrets = value.secrets?.length ? value.secrets : [""];
  const hint =
    scheme.based_on === "assumed"
      ? "The vendor does not document the scheme. A common one is assumed."
      : "As shown by the provider.";
  return (
    <>
      {secrets.map((secret, place) => (
        <Field
          key={place}
          label={place ? `Secret ${place + 1}` : "Secret"}
          hint={secrets.length > 1 ? undefined : hint}
        >
          {(input) => (
            <span className="flex gap-1">
              <SecretInput
                {...input}
                mono
                data-first-focus={(beginsInSecret && place === 0) || undefined}
                value={secret}
                onChange={(now) => set({ secrets: secrets.with(place, now) })}
              />
              {secrets.length > 1 && (
                <IconButton
                  label={`Remove secret ${place + 1}`}
                  icon={X}
                  onClick={() => set({ secrets: secrets.toSpliced(place, 1) })}
                />
              )}
            </span>
          )}
        </Field>
      ))}
      {secrets[0] && (
        <Button icon={Plus} className="mb-4" onClick={() => set({ secrets: [...secrets, ""] })}>
          Add secret
        </Button>
      )}
    </>
  );
}

/** The parameters of a scheme or a handshake. */
function Params({
  value,
  set,
  scheme,
  provider,
}: PartProps & { scheme: Scheme | undefined; provider: Provider | undefined }) {
  const names = new Set([...(scheme?.params ?? []), ...(provider?.handshake_params ?? [])]);
  return [...names].map((name) => (
    <TextField
      key={name}
      label={name.replaceAll("_", " ")}
      hint={
        scheme?.params.includes(name)
          ? "Parameter of the signature scheme."
          : "Used to verify the handshake of the provider."
      }
      value={value.params?.[name] ?? ""}
      onChange={(now) => set({ params: { ...value.params, [name]: now } })}
    />
  ));
}
