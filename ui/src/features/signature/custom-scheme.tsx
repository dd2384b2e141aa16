import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";

import { api, type Detail, type Inbox } from "../../api/client";
import { keys } from "../../api/keys";
import { refetch } from "../../api/refetch";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";
import { visible } from "../../ui/format";
import { NumberInput } from "../../ui/input";
import { tell } from "../../ui/toasts";
import { CallError } from "../../platform";
import { SignatureStatus } from "./signature-status";

const ALGORITHMS = [
  "hmac-sha256",
  "hmac-sha1",
  "hmac-sha512",
  "hmac-sha384",
  "hmac-md5",
  "hash-sha256",
  "hash-sha1",
  "token",
];
const ENCODINGS = ["hex", "base64", "base64url", "hex-upper", "base64-of-hex"];
const KEYS = [
  ["text", "as it is typed"],
  ["prefixed", "base64 behind whsec_"],
  ["base64", "base64"],
  ["hex", "hexadecimal"],
] as const;
const UNITS = [
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["iso", "ISO 8601"],
] as const;

/** The parts of a digest scheme that the form sets; what it does not know stays as it was found. */
interface Rule {
  signature: string[];
  split?: string;
  prefix?: string;
  content: string;
  algorithm: string;
  encoding?: string;
  key?: string;
  timestamp?: { from: string; unit: string; past_s?: number; future_s?: number } | undefined;
}

const START: Rule = {
  signature: [],
  content: "{body}",
  algorithm: "hmac-sha256",
  encoding: "hex",
  key: "text",
  prefix: "",
  split: "",
};
/** A header that says it holds a signature. */
const LIKELY = /sign|hmac|digest|mac$/i;
const kebab = (name: string): string =>
  name
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
const sentence = (failure: unknown): string =>
  failure instanceof CallError ? `${failure.message} ${failure.hint}` : String(failure);

function Select({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (now: string) => void;
}) {
  return (
    <Field label={label}>
      {(props) => (
        <select {...props} className={INPUT} value={value} onChange={(event) => onChange(event.target.value)}>
          {options.map(([option, name]) => (
            <option key={option} value={option}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A scheme of one's own, judged against a stored request while it is described, and saved as a provider. */
export function CustomScheme({ detail, open, onClose }: { detail: Detail; open: boolean; onClose: () => void }) {
  const inbox = useQuery({
    queryKey: ["inbox", detail.inbox],
    queryFn: () => api.inbox(detail.inbox),
    enabled: open,
  }).data;
  return (
    <Dialog title="A scheme of your own" open={open} onClose={onClose} wide>
      {inbox && <SchemeForm detail={detail} inbox={inbox} onClose={onClose} />}
    </Dialog>
  );
}

function SchemeForm({ detail, inbox, onClose }: { detail: Detail; inbox: Inbox; onClose: () => void }) {
  const names = [...new Set(detail.headers.map(({ name }) => name))];
  const [rule, setRule] = useState<Rule>({
    ...START,
    signature: [`header:${names.find((name) => LIKELY.test(name)) ?? ""}`],
  });
  const [secret, setSecret] = useState(inbox.verification.secrets?.[0] ?? "");
  const [name, setName] = useState("");
  const [found, setFound] = useState<string>();
  const [error, setError] = useState<string>();
  const set = (change: Partial<Rule>): void => setRule({ ...rule, ...change });
  const header = rule.signature[0]?.replace(/^header:/, "") ?? "";
  const trial = { scheme: { digest: rule }, secrets: [secret] };

  // Typing asks once it pauses.
  const [asked, setAsked] = useState(trial);
  const text = JSON.stringify(trial);
  useEffect(() => {
    const pause = setTimeout(() => setAsked(JSON.parse(text) as typeof trial), 250);
    return () => clearTimeout(pause);
  }, [text]);
  const judged = useQuery({
    queryKey: ["try", detail.id, asked],
    queryFn: () => api.trySignature(detail.id, asked),
    enabled: Boolean(secret && header),
    gcTime: 0,
    retry: false,
    placeholderData: (before) => before,
  });

  const find = async (): Promise<void> => {
    setFound("Trying every provider and the usual ways…");
    try {
      const { items, complete } = await api.findScheme(detail.id, { secrets: [secret] });
      const first = items.find(({ rule }) => "digest" in (rule as object));
      if (first) setRule({ ...START, ...(first.rule as { digest: Rule }).digest });
      const vendors = items.flatMap((item) => (item.name ? [item.name] : []));
      setFound(
        items.length === 0
          ? `No provider's rule and none of the usual ways makes this signature with this secret${complete ? "" : "; the search was ended for time"}.`
          : vendors.length
            ? `It is signed as ${vendors.join(", ")} ${vendors.length === 1 ? "signs" : "sign"}.`
            : "Found: the form says how it is signed.",
      );
    } catch (failure) {
      setFound(sentence(failure));
    }
  };
  const save = async (): Promise<void> => {
    try {
      await api.saveProvider(kebab(name), { name, scheme: { digest: rule } });
      await refetch(keys.providers);
      await api.changeInbox(inbox.name, {
        verification: { ...inbox.verification, provider: kebab(name), scheme: null, secrets: [secret] },
      });
      await refetch(keys.signature(detail.id));
      tell(`Saved ${name}; ${inbox.name} is verified by it`);
      onClose();
    } catch (failure) {
      setError(sentence(failure));
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <Field label="Secret" hint="As the sender has it.">
            {(props) => (
              <input
                {...props}
                type="password"
                autoComplete="off"
                spellCheck={false}
                className={`${INPUT} font-mono text-data`}
                value={secret}
                onChange={(event) => setSecret(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Button icon={Search} className="mb-9" disabled={!secret} onClick={() => void find()}>
          Find the scheme
        </Button>
      </div>
      {found && (
        <p role="status" className="mb-2">
          {visible(found)}
        </p>
      )}
      <div aria-live="polite" className="mb-4 min-h-12 rounded-[9px] border border-line bg-background p-3">
        {!secret || !header ? (
          <p className="text-ink-2">Enter the secret and choose the header: this request is judged while you type.</p>
        ) : judged.error ? (
          <p className="text-invalid">{visible(sentence(judged.error))}</p>
        ) : judged.data ? (
          <>
            <p className="flex items-start gap-3">
              <SignatureStatus
                verdict={judged.data.state as Detail["verdict"]}
                reason={judged.data.reason}
                className="mt-0.5"
              />
              <span>{visible(judged.data.sentence)}</span>
            </p>
            {judged.data.state !== "valid" && judged.data.expected && (
              <p className="mt-1 truncate font-mono text-data text-ink-2">expected {judged.data.expected}</p>
            )}
          </>
        ) : (
          <p className="text-ink-2">Judging…</p>
        )}
      </div>
      <div className="grid grid-cols-2 gap-x-4 max-sm:grid-cols-1">
        <Select
          label="Header with the signature"
          value={header}
          options={[["", "Choose one"], ...names.map((one) => [one, one] as const)]}
          onChange={(now) => set({ signature: [`header:${now}`] })}
        />
        <Field label="Before the signature" hint="Such as sha256= or v1=.">
          {(props) => (
            <input
              {...props}
              className={`${INPUT} font-mono text-data`}
              value={rule.prefix ?? ""}
              onChange={(event) => set({ prefix: event.target.value })}
            />
          )}
        </Field>
        <Select
          label="Algorithm"
          value={rule.algorithm}
          options={ALGORITHMS.map((one) => [one, one] as const)}
          onChange={(algorithm) => set({ algorithm })}
        />
        <Select
          label="Written as"
          value={rule.encoding ?? "hex"}
          options={ENCODINGS.map((one) => [one, one] as const)}
          onChange={(encoding) => set({ encoding })}
        />
        <Select label="Secret is" value={rule.key ?? "text"} options={KEYS} onChange={(key) => set({ key })} />
        <Field label="Parted by" hint="Where one header holds several items, such as a comma.">
          {(props) => (
            <input
              {...props}
              maxLength={4}
              className={`${INPUT} font-mono text-data`}
              value={rule.split ?? ""}
              onChange={(event) => set({ split: event.target.value })}
            />
          )}
        </Field>
      </div>
      <Field
        label="What is signed"
        hint="Text with {body}, {url}, {path}, {method}, {header:Name}, {signature:t}, {json:a.b}, {secret}."
      >
        {(props) => (
          <input
            {...props}
            spellCheck={false}
            className={`${INPUT} font-mono text-data`}
            value={rule.content}
            onChange={(event) => set({ content: event.target.value })}
          />
        )}
      </Field>
      <div className="grid grid-cols-[2fr_1fr_1fr] gap-x-4 max-sm:grid-cols-1">
        <Field label="Time of signing" hint="header:Name or signature:t; empty if there is none.">
          {(props) => (
            <input
              {...props}
              spellCheck={false}
              className={`${INPUT} font-mono text-data`}
              value={rule.timestamp?.from ?? ""}
              onChange={(event) =>
                set({
                  timestamp: event.target.value
                    ? { unit: "s", past_s: 300, future_s: 300, ...rule.timestamp, from: event.target.value }
                    : undefined,
                })
              }
            />
          )}
        </Field>
        {rule.timestamp && (
          <>
            <Select
              label="In"
              value={rule.timestamp.unit}
              options={UNITS}
              onChange={(unit) => set({ timestamp: { ...rule.timestamp!, unit } })}
            />
            <Field label="Tolerance in s">
              {(props) => (
                <NumberInput
                  {...props}
                  min={1}
                  value={rule.timestamp!.past_s}
                  onChange={(now) => set({ timestamp: { ...rule.timestamp!, past_s: now, future_s: now } })}
                />
              )}
            </Field>
          </>
        )}
      </div>
      <div className="flex items-end gap-2 border-t border-line pt-3">
        <div className="min-w-0 flex-1">
          <Field
            label="Name"
            hint={
              name && kebab(name)
                ? `Kept as providers/${kebab(name)}.toml in the data folder.`
                : "Of whoever sends this."
            }
            error={error}
          >
            {(props) => (
              <input {...props} className={INPUT} value={name} onChange={(event) => setName(event.target.value)} />
            )}
          </Field>
        </div>
        <Button look="primary" type="submit" className="mb-9" disabled={!kebab(name) || !secret || !header}>
          Save and verify by it
        </Button>
      </div>
    </form>
  );
}
