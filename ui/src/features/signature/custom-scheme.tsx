import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useMemo, useState } from "react";

import { api, type Detail, type Inbox } from "../../api/client";
import { keys } from "../../api/keys";
import { refetch } from "../../api/refetch";
import { CallError } from "../../platform";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { SecretField, TextField } from "../../ui/field";
import { Form, FormEnd, useSubmission } from "../../ui/form";
import { visible } from "../../ui/format";
import { useSettled } from "../../ui/settled";
import { tell } from "../../ui/toasts";
import { DigestFields } from "./digest-fields";
import { digestOf, headerOf, likelyRule, providerId, signedAs, type DigestRule } from "./digest-rule";
import { SignatureStatus } from "./signature-status";

/** Pause in typing after which the request is verified, in ms. */
const TYPED_MS = 250;

const sentence = (failure: unknown): string =>
  failure instanceof CallError ? `${failure.message} ${failure.hint}` : String(failure);

/** The dialog that defines a custom scheme, tests it on a stored request, and saves it as a provider. */
export function CustomScheme({ detail, open, onClose }: { detail: Detail; open: boolean; onClose: () => void }) {
  const inbox = useQuery({
    queryKey: ["inbox", detail.inbox],
    queryFn: () => api.inbox(detail.inbox),
    enabled: open,
  }).data;
  return (
    <Dialog title="Custom signature scheme" open={open} onClose={onClose} wide>
      {inbox && <SchemeForm detail={detail} inbox={inbox} onClose={onClose} />}
    </Dialog>
  );
}

function SchemeForm({ detail, inbox, onClose }: { detail: Detail; inbox: Inbox; onClose: () => void }) {
  const headers = [...new Set(detail.headers.map((line) => line.name))];
  const [rule, setRule] = useState<DigestRule>(() => likelyRule(headers));
  const [secret, setSecret] = useState(inbox.verification.secrets?.[0] ?? "");
  const [name, setName] = useState("");
  const [found, setFound] = useState<string>();
  const id = providerId(name);
  const isComplete = Boolean(secret && headerOf(rule));
  const find = async (): Promise<void> => {
    setFound("Testing all providers and common schemes…");
    const result = await findRule(detail.id, secret);
    if (result.rule) setRule(result.rule);
    setFound(result.said);
  };
  const { submit, error } = useSubmission(async () => {
    await api.saveProvider(id, { name, scheme: { digest: rule } });
    await refetch(keys.providers);
    await api.changeInbox(inbox.name, {
      verification: { ...inbox.verification, provider: id, scheme: null, secrets: [secret] },
    });
    await refetch(keys.signature(detail.id));
    tell(`Saved ${name}; ${inbox.name} now uses it`);
    onClose();
  }, sentence);

  return (
    <Form onSubmit={submit}>
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <SecretField
            label="Secret"
            hint="The signing secret of the sender."
            mono
            value={secret}
            onChange={setSecret}
          />
        </div>
        <Button icon={Search} className="mb-9" disabled={!secret} onClick={() => void find()}>
          Find scheme
        </Button>
      </div>
      {found && (
        <p role="status" className="mb-2">
          {visible(found)}
        </p>
      )}
      <Trial request={detail.id} rule={rule} secret={secret} isComplete={isComplete} />
      <DigestFields rule={rule} set={(change) => setRule({ ...rule, ...change })} headers={headers} />
      <TextField
        label="Name"
        hint={id ? `Stored as providers/${id}.toml in the data folder.` : "Name of the sender."}
        value={name}
        onChange={setName}
      />
      <FormEnd error={error} disabled={!id || !isComplete}>
        Save and use
      </FormEnd>
    </Form>
  );
}

/** Searches for the scheme of a request and describes the result. */
async function findRule(request: string, secret: string): Promise<{ rule?: DigestRule; said: string }> {
  try {
    const { items, complete } = await api.findScheme(request, { secrets: [secret] });
    const rule = items.map((item) => digestOf(item.rule)).find(Boolean);
    const vendors = items.flatMap((item) => (item.name ? [item.name] : []));
    if (items.length === 0) {
      const end = complete ? "" : "; the search reached its time limit";
      return { said: `No known scheme produces this signature with this secret${end}.` };
    }
    return {
      rule,
      said: vendors.length ? signedAs(vendors) : "Scheme found. The fields below describe it.",
    };
  } catch (failure) {
    return { said: sentence(failure) };
  }
}

/** The result of the verification with the current scheme. */
function Trial({
  request,
  rule,
  secret,
  isComplete,
}: {
  request: string;
  rule: DigestRule;
  secret: string;
  isComplete: boolean;
}) {
  const trial = useSettled(
    useMemo(() => ({ scheme: { digest: rule }, secrets: [secret] }), [rule, secret]),
    TYPED_MS,
  );
  const { data, error } = useQuery({
    queryKey: ["try", request, trial],
    queryFn: () => api.trySignature(request, trial),
    enabled: isComplete,
    gcTime: 0,
    retry: false,
    placeholderData: (before) => before,
  });
  return (
    <div aria-live="polite" className="mb-4 min-h-12 rounded-[9px] border border-line bg-background p-3">
      {!isComplete ? (
        <p className="text-ink-2">Enter the secret and choose the header to verify this request while you type.</p>
      ) : error ? (
        <p className="text-invalid">{visible(sentence(error))}</p>
      ) : data ? (
        <>
          <p className="flex items-start gap-3">
            <SignatureStatus status={data.status} reason={data.reason} className="mt-0.5" />
            <span>{visible(data.sentence)}</span>
          </p>
          {data.status !== "valid" && data.expected && (
            <p className="mt-1 truncate font-mono text-data text-ink-2">Expected (computed): {data.expected}</p>
          )}
        </>
      ) : (
        <p className="text-ink-2">Verifying…</p>
      )}
    </div>
  );
}
