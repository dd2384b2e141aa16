import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useEffect, useState } from "react";

import { showInbox } from "../../api/apply-changes";
import { api, type Inbox, type InboxResponse, type Verification } from "../../api/client";
import { CallError } from "../../platform";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { NumberField, TextAreaField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { HeaderFields } from "../../ui/header-fields";
import { Switch } from "../../ui/switch";
import { attempt, offerUndo, tell } from "../../ui/toasts";
import { Managed } from "../project";
import { VerificationForm } from "../signature";

interface Values {
  name: string;
  response: InboxResponse;
  verification: Verification;
}

export function InboxSettings({ inbox, open, onClose }: { inbox: Inbox; open: boolean; onClose: () => void }) {
  return (
    <Dialog title={`Inbox ${inbox.name}`} open={open} onClose={onClose}>
      <InboxForm inbox={inbox} onClose={onClose} />
    </Dialog>
  );
}

const inWordsWithHint = (failure: unknown): string =>
  failure instanceof CallError ? `${failure.message} ${failure.hint}` : String(failure);

/** The form. It exists only while the dialog is open, so that new requests never overwrite the input. */
function InboxForm({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [{ name, response, verification }, set] = useFormState<Values>({
    name: inbox.name,
    response: inbox.response,
    verification: inbox.verification,
  });
  const navigate = useNavigate();
  const { submit, error } = useSubmission(async () => {
    const changed = verification !== inbox.verification;
    const secrets = verification.secrets?.filter((secret) => secret !== "");
    const saved = await api.changeInbox(inbox.name, {
      name,
      response: response,
      verification: changed ? { ...verification, secrets } : undefined,
    });
    onClose();
    tell("Inbox saved");
    if (saved.name !== inbox.name)
      await navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: saved.name, request: undefined } });
  }, inWordsWithHint);
  const remove = async (): Promise<void> => {
    const deletion = await attempt(api.removeInbox(inbox.name));
    if (!deletion) return;
    onClose();
    offerUndo(`Inbox ${inbox.name} deleted with ${deletion.requests} requests`, () => api.undo(deletion.id));
    await navigate({ to: "/" });
  };
  return (
    <Form onSubmit={submit}>
      <Managed type="inbox" id={inbox.name} />
      <TextField
        label="Name"
        hint="First part of the URL path. Renaming keeps the requests, but senders need the new URL."
        value={name}
        onChange={(now) => set({ name: now })}
      />
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">Signature verification</h3>
      <VerificationForm value={verification} onChange={(now) => set({ verification: now })} />
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">Response</h3>
      <ResponseFields response={response} set={(change) => set({ response: { ...response, ...change } })} />
      <FormEnd
        error={error}
        start={
          <Button look="danger" icon={Trash2} onClick={() => void remove()}>
            Delete inbox
          </Button>
        }
      >
        Save
      </FormEnd>
    </Form>
  );
}

/** The default response of an inbox, used if no rule matches. */
function ResponseFields({ response, set }: { response: InboxResponse; set: (change: Partial<InboxResponse>) => void }) {
  return (
    <>
      <div className="flex gap-4">
        <NumberField
          label="Status"
          required
          min={200}
          max={599}
          value={response.status}
          onChange={(now) => set({ status: now ?? 0 })}
        />
        <NumberField
          label="Delay (ms)"
          hint="At most 60,000."
          min={0}
          max={60_000}
          value={response.delay_ms}
          onChange={(now) => set({ delay_ms: now ?? 0 })}
        />
      </div>
      <HeaderFields headers={response.headers ?? []} onChange={(headers) => set({ headers })} />
      <TextAreaField label="Body" rows={4} value={response.body} onChange={(body) => set({ body })} />
      <Switch
        label="Allow any origin (CORS)"
        hint="Responds to preflight requests and lets web pages read the response."
        checked={response.cors}
        onChange={(cors) => set({ cors })}
      />
    </>
  );
}

export function NewInbox({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const navigate = useNavigate();
  const { submit, error, clear } = useSubmission(async () => {
    showInbox(await api.addInbox(name));
    onClose();
    await navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: name, request: undefined } });
  });
  useEffect(() => {
    setName("");
    clear();
  }, [open, clear]);
  return (
    <Dialog title="New inbox" open={open} onClose={onClose}>
      <Form onSubmit={submit}>
        <TextField label="Name" hint="First part of the URL path." error={error} value={name} onChange={setName} />
        <div className="flex justify-end">
          <Button look="primary" type="submit">
            Create inbox
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
