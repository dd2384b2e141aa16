import { useQuery } from "@tanstack/react-query";

import { api, type Inbox, type Verification } from "../../api/client";
import { Dialog } from "../../ui/dialog";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { tell } from "../../ui/toasts";
import { VerificationForm } from "./verification-form";

/** The dialog of the provider and the signing secret of an inbox. It begins in the secret. */
export function SecretDialog({ inbox: name, open, onClose }: { inbox: string; open: boolean; onClose: () => void }) {
  const { data: inbox } = useQuery({
    queryKey: ["inbox", name, "secret"],
    queryFn: () => api.inbox(name),
    enabled: open,
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <Dialog title={`Signing secret of ${name}`} open={open && inbox !== undefined} onClose={onClose}>
      {inbox && <SecretForm inbox={inbox} onClose={onClose} />}
    </Dialog>
  );
}

function SecretForm({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [{ verification }, set] = useFormState<{ verification: Verification }>({ verification: inbox.verification });
  const { submit, error } = useSubmission(async () => {
    const secrets = verification.secrets?.filter((secret) => secret !== "");
    await api.changeInbox(inbox.name, { verification: { ...verification, secrets } });
    onClose();
    tell("Saved. Stored requests are verified again.");
  });
  return (
    <Form onSubmit={submit}>
      <VerificationForm value={verification} onChange={(now) => set({ verification: now })} beginsInSecret />
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}
