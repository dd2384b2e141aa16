import { Plus, X } from "lucide-react";

import type { Verification } from "../../api/client";
import { useProviders } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";

/** How an inbox's requests are verified: provider, scheme, secrets, and what the scheme needs besides. */
export function VerificationForm({ value, onChange }: { value: Verification; onChange: (now: Verification) => void }) {
  const providers = useProviders().data;
  const set = (change: Partial<Verification>): void => onChange({ ...value, ...change });
  const provider = providers?.items.find(({ id }) => id === value.provider);
  const scheme = provider?.schemes.find(({ id }) => id === value.scheme) ?? provider?.schemes[0];
  const secrets = value.secrets?.length ? value.secrets : [""];
  const setSecret = (place: number, secret: string): void =>
    set({ secrets: secrets.map((one, at) => (at === place ? secret : one)) });

  return (
    <fieldset>
      <legend className="sr-only">Verification</legend>
      <Field
        label="Provider"
        hint={provider ? undefined : "Without one, senders are recognised, and no signature is checked."}
      >
        {(props) => (
          <select
            {...props}
            className={INPUT}
            value={value.provider ?? ""}
            onChange={(event) => set({ provider: event.target.value || null, scheme: null })}
          >
            <option value="">None</option>
            {providers?.items
              .toSorted((a, b) => a.name.localeCompare(b.name))
              .map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
          </select>
        )}
      </Field>
      {provider && provider.schemes.length > 1 && (
        <Field label="Scheme">
          {(props) => (
            <select
              {...props}
              className={INPUT}
              value={scheme?.id}
              onChange={(event) => set({ scheme: event.target.value })}
            >
              {provider.schemes.map(({ id }) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          )}
        </Field>
      )}
      {provider && !scheme && <p className="mb-4 text-ink-2">{provider.name} does not sign what it sends.</p>}
      {provider?.handshakes.length ? (
        <p className="mb-4 text-ink-2">
          Answered by itself as {provider.name} asks: {provider.handshakes.join(", ")}.
        </p>
      ) : null}
      {scheme && (
        <>
          {secrets.map((secret, place) => (
            <Field
              key={place}
              label={place ? `Secret ${place + 1}` : "Secret"}
              hint={
                place || secrets.length > 1
                  ? undefined
                  : scheme.rests_on === "assumed"
                    ? "The vendor leaves open how it signs; this is the usual way."
                    : "As the provider shows it."
              }
            >
              {(props) => (
                <span className="flex gap-1">
                  <input
                    {...props}
                    type="password"
                    autoComplete="off"
                    spellCheck={false}
                    className={`${INPUT} font-mono text-data`}
                    value={secret}
                    onChange={(event) => setSecret(place, event.target.value)}
                  />
                  {secrets.length > 1 && (
                    <IconButton
                      label={`Remove secret ${place + 1}`}
                      icon={X}
                      onClick={() => set({ secrets: secrets.filter((_, at) => at !== place) })}
                    />
                  )}
                </span>
              )}
            </Field>
          ))}
          {secrets[0] && (
            <Button icon={Plus} className="mb-4" onClick={() => set({ secrets: [...secrets, ""] })}>
              Another secret, while one replaces the other
            </Button>
          )}
          {scheme.signs_url && (
            <Field
              label="URL as registered"
              hint="The signature covers it, and a tunnel or proxy changes what arrives."
            >
              {(props) => (
                <input
                  {...props}
                  type="url"
                  placeholder="https://…"
                  className={`${INPUT} font-mono text-data`}
                  value={value.url ?? ""}
                  onChange={(event) => set({ url: event.target.value || null })}
                />
              )}
            </Field>
          )}
          {!scheme.signs_body && <p className="mb-4 text-warning">This signature does not cover the body.</p>}
        </>
      )}
      {[...new Set([...(scheme?.params ?? []), ...(provider?.handshake_params ?? [])])].map((name) => (
        <Field
          key={name}
          label={name.replaceAll("_", " ")}
          hint={
            scheme?.params.includes(name)
              ? "A setting of this scheme."
              : "What the provider's handshake is checked against."
          }
        >
          {(props) => (
            <input
              {...props}
              className={INPUT}
              value={value.params?.[name] ?? ""}
              onChange={(event) => set({ params: { ...value.params, [name]: event.target.value } })}
            />
          )}
        </Field>
      ))}
    </fieldset>
  );
}
