import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useEffect, useState } from "react";

import { api, type Inbox, type InboxResponse, type Verification } from "../../api/client";
import { showInbox } from "../../api/apply-changes";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { Headers } from "../../ui/header-fields";
import { attempt, offerUndo, tell } from "../../ui/toasts";
import { NumberInput } from "../../ui/input";
import { CallError, inWords } from "../../platform";
import { VerificationForm } from "../signature";

export function InboxSettings({ inbox, open, onClose }: { inbox: Inbox; open: boolean; onClose: () => void }) {
  return (
    <Dialog title={`Inbox ${inbox.name}`} open={open} onClose={onClose}>
      <InboxForm inbox={inbox} onClose={onClose} />
    </Dialog>
  );
}

/** Stands only while the dialog is open, so that arrivals never write over what is being typed. */
function InboxForm({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [name, setName] = useState(inbox.name);
  const [answer, setAnswer] = useState<InboxResponse>(inbox.answer);
  const [verification, setVerification] = useState<Verification>(inbox.verification);
  const [error, setError] = useState<string>();
  const navigate = useNavigate();
  const set = (change: Partial<InboxResponse>): void => setAnswer({ ...answer, ...change });

  const save = async (): Promise<void> => {
    try {
      const changed = verification !== inbox.verification;
      const secrets = verification.secrets?.filter((secret) => secret !== "");
      const saved = await api.changeInbox(inbox.name, {
        name,
        answer,
        verification: changed ? { ...verification, secrets } : undefined,
      });
      onClose();
      tell("Inbox saved");
      if (saved.name !== inbox.name)
        await navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: saved.name, request: undefined } });
    } catch (failure) {
      setError(failure instanceof CallError ? `${failure.message} ${failure.hint}` : String(failure));
    }
  };
  const remove = async (): Promise<void> => {
    const removal = await attempt(api.removeInbox(inbox.name));
    if (!removal) return;
    onClose();
    offerUndo(`Inbox ${inbox.name} deleted with ${removal.requests} requests`, () => api.undo(removal.id));
    await navigate({ to: "/" });
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field label="Name" hint="First part of its path. Requests stay when it changes; senders need the new URL.">
        {(props) => (
          <input {...props} className={INPUT} value={name} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">Who sends here</h3>
      <VerificationForm value={verification} onChange={setVerification} />
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">What senders are answered</h3>
      <div className="flex gap-4">
        <Field label="Status">
          {(props) => (
            <NumberInput
              {...props}
              required
              min={200}
              max={599}
              value={answer.status}
              onChange={(now) => set({ status: now ?? 0 })}
            />
          )}
        </Field>
        <Field label="Delay in ms" hint="To 60,000.">
          {(props) => (
            <NumberInput
              {...props}
              min={0}
              max={60_000}
              value={answer.delay_ms}
              onChange={(now) => set({ delay_ms: now ?? 0 })}
            />
          )}
        </Field>
      </div>
      <Headers headers={answer.headers ?? []} onChange={(headers) => set({ headers })} />
      <Field label="Body">
        {(props) => (
          <textarea
            {...props}
            rows={4}
            spellCheck={false}
            className={`${INPUT} h-auto! py-1 font-mono text-data`}
            value={answer.body}
            onChange={(event) => set({ body: event.target.value })}
          />
        )}
      </Field>
      <Switch
        label="Allow pages of any origin (CORS)"
        hint="Preflights are answered, and the answer may be read."
        checked={answer.cors}
        onChange={(cors) => set({ cors })}
      />
      {error && (
        <p role="alert" className="mb-3 text-invalid">
          {error}
        </p>
      )}
      <div className="flex justify-between border-t border-line pt-3">
        <Button look="danger" icon={Trash2} onClick={() => void remove()}>
          Delete inbox
        </Button>
        <Button look="primary" type="submit">
          Save
        </Button>
      </div>
    </form>
  );
}

export function NewInbox({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const [error, setError] = useState<string>();
  const navigate = useNavigate();
  useEffect(() => {
    setName("");
    setError(undefined);
  }, [open]);
  const add = async (): Promise<void> => {
    try {
      showInbox(await api.addInbox(name));
      onClose();
      await navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: name, request: undefined } });
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  return (
    <Dialog title="New inbox" open={open} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <Field label="Name" hint="It is the first part of the path senders use." error={error}>
          {(props) => (
            <input {...props} className={INPUT} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <div className="flex justify-end">
          <Button look="primary" type="submit">
            Make inbox
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
