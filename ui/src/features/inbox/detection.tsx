import { useQuery } from "@tanstack/react-query";
import { ShieldQuestion } from "lucide-react";

import { api, type Inbox } from "../../api/client";
import { useProviders } from "../../api/queries";
import { Button } from "../../ui/button";
import { SecretInput } from "../../ui/input";
import { Form, FormError, useFormState, useSubmission } from "../../ui/form";
import { count } from "../../ui/format";
import { useSettled } from "../../ui/settled";
import { tell } from "../../ui/toasts";

/** Pause in arrivals after which an inbox without a provider is looked at again, in ms. */
const PAUSE_MS = 1_000;

interface Detected {
  provider: string;
  requests: number;
}

/** Returns the provider that the newest unverified requests of an inbox look like, with their number. */
async function detect(inbox: string): Promise<Detected | null> {
  const { items } = await api.requests({ inbox, q: "provider:* signature:unverified", limit: 1 });
  const provider = items[0]?.provider;
  if (!provider) return null;
  const { requests } = await api.countRequests({
    inbox,
    q: `provider:${provider} signature:unverified`,
    most: 100_000,
  });
  return { provider, requests };
}

/** Returns the detected provider of an inbox that has none. */
export function useDetected({ name, verification, requests }: Inbox): Detected | undefined {
  const settled = useSettled(requests, PAUSE_MS);
  const { data } = useQuery({
    queryKey: ["detected", name, settled],
    queryFn: () => detect(name),
    enabled: !verification.provider,
    placeholderData: (before) => before,
    gcTime: 5_000,
  });
  return verification.provider ? undefined : (data ?? undefined);
}

/** Saves the provider and the secret of an inbox. */
export async function verifyAs(inbox: string, provider: string, secret: string): Promise<void> {
  await api.changeInbox(inbox, { verification: { provider, secrets: [secret] } as never });
  tell("Saved. Stored requests are verified again.");
}

/** The form for the signing secret of a provider. */
export function SecretForm({
  inbox,
  provider,
  placeholder,
}: {
  inbox: string;
  provider: string;
  placeholder?: string;
}) {
  const [{ secret }, set] = useFormState({ secret: "" });
  const { submit, error, busy } = useSubmission(() => verifyAs(inbox, provider, secret));
  return (
    <Form onSubmit={submit}>
      <div className="flex gap-2">
        <SecretInput
          aria-label="Signing secret"
          placeholder={placeholder ?? "Signing secret"}
          mono
          value={secret}
          onChange={(now) => set({ secret: now })}
        />
        <Button look="primary" type="submit" disabled={busy || !secret}>
          Verify
        </Button>
      </div>
      <FormError error={error} className="mt-1" />
    </Form>
  );
}

/** The prompt to add the signing secret of the provider that the requests look like. */
export function Detection({ inbox }: { inbox: Inbox }) {
  const detected = useDetected(inbox);
  const providers = useProviders().data?.items;
  if (!detected) return null;
  const { provider, requests } = detected;
  const name = providers?.find(({ id }) => id === provider)?.name ?? provider;
  return (
    <section aria-label="Detected provider" className="shrink-0 border-b border-line bg-selection px-3 py-2">
      <p className="mb-1.5 flex items-center gap-2">
        <ShieldQuestion size={16} aria-hidden className="shrink-0 text-accent" />
        <span>
          <strong className="font-semibold">
            {count(requests)} {requests === 1 ? "request here looks" : "requests here look"} like {name}.
          </strong>{" "}
          Add the signing secret.
        </span>
      </p>
      <SecretForm inbox={inbox.name} provider={provider} />
    </section>
  );
}
