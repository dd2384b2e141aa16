/** Sending stored requests again: one as it is or edited, those that are ticked, or a whole list. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { AlertTriangle, Send } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";

import { api, bytes, requestRoute, type Detail, type ReplayNew } from "../../api/client";
import { useEndpoints, useInboxes, useRequest } from "../../api/queries";
import { useSelection } from "../request";
import { type OutgoingEdits, OutgoingFields } from "../forward";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { Notice } from "../../ui/notice";
import { Switch } from "../../ui/switch";
import { count } from "../../ui/format";
import { tell } from "../../ui/toasts";
import { NumberInput } from "../../ui/input";
import { CallError } from "../../platform";
import { inWords } from "../../platform/platform";

type Which = "list" | "ticked" | "one";
type Settings = NonNullable<ReplayNew["settings"]>;
type Times = "once" | "twice" | "at_once";

const TIMES = [
  ["once", "once"],
  ["twice", "twice, one after the other"],
  ["at_once", "twice at once"],
] as const;

/** Requests that a replay can be made of. */
export interface Replayed {
  query: string;
  inbox: string | undefined;
  request: string | undefined;
}

/** What an edited request begins as. */
interface Draft {
  method: string;
  path: string;
  headers: string;
  body: string;
}

const CodeView = lazy(() => import("../../ui/code-view"));

const MASK = "••••••••";

/** Largest body that is edited as text here. */
const EDITED_MAX = 1_000_000;

/** A request as it can be edited; none where its body is no text, or too long to be written over. */
async function draftOf(detail: Detail): Promise<Draft | undefined> {
  if (detail.body_bytes > EDITED_MAX) return undefined;
  const rest = detail.target.startsWith(`/${detail.inbox}`)
    ? detail.target.slice(detail.inbox.length + 1)
    : detail.target;
  try {
    const body = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      await bytes(requestRoute(detail.id, "body?reveal=true")),
    );
    return {
      method: detail.method,
      path: rest,
      headers: detail.headers.map(({ name, value }) => `${name}: ${value}`).join("\n"),
      body,
    };
  } catch {
    return undefined;
  }
}

const pairs = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function base64(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function ReplayDialog({
  open,
  onClose,
  ...rest
}: {
  open: boolean;
  onClose: () => void;
  what: Replayed;
  edit: boolean;
  many: boolean;
}) {
  return (
    <Dialog title={rest.edit ? "Edit and replay" : "Replay"} open={open} onClose={onClose} wide>
      <ReplayForm onClose={onClose} {...rest} />
    </Dialog>
  );
}

function ReplayForm({
  onClose,
  what,
  edit,
  many,
}: {
  onClose: () => void;
  what: Replayed;
  edit: boolean;
  many: boolean;
}) {
  const navigate = useNavigate();
  const ticked = [...useSelection()];
  const options: (readonly [Which, string])[] = [];
  if (what.request) options.push(["one", "This request"]);
  if (ticked.length) options.push(["ticked", `${count(ticked.length)} ticked`]);
  options.push(["list", "The list"]);
  const [chosen, setChosen] = useState<Which>();
  const which = edit ? "one" : (chosen ?? (many && ticked.length ? "ticked" : many || !what.request ? "list" : "one"));
  const inbox = useInboxes().data?.items.find(({ name }) => name === what.inbox);
  const last = inbox?.replayed_to;
  const endpoints = useEndpoints().data?.items ?? [];
  const [endpoint, setEndpoint] = useState(last && "endpoint" in last ? last.endpoint : "");
  const [url, setUrl] = useState(last && "url" in last ? last.url : (inbox?.forwards[0]?.to ?? ""));
  const [resign, setResign] = useState(edit);
  const [rate, setRate] = useState("");
  const [concurrency, setConcurrency] = useState(1);
  const [stop, setStop] = useState(false);
  const [newest, setNewest] = useState(false);
  const [times, setTimes] = useState<Times>("once");
  const [onward, setOnward] = useState<OutgoingEdits>({});
  const [draft, setDraft] = useState<Draft>();
  const [confirm, setConfirm] = useState<string>();
  const [error, setError] = useState<string>();
  const one = which === "one";
  const { data: detail } = useRequest(what.request ?? "");
  const first = useQuery({
    queryKey: ["draft", what.request],
    queryFn: () => draftOf(detail!).then((made) => made ?? null),
    enabled: edit && Boolean(detail),
    staleTime: Infinity,
  });
  useEffect(() => {
    if (first.data) setDraft(first.data);
  }, [first.data]);

  const send = async (): Promise<void> => {
    setError(undefined);
    const probe = one && times !== "once";
    const settings: Settings = {
      ...onward,
      to: endpoint ? { endpoint } : url ? { url } : null,
      resign: resign ? (endpoint ? "endpoint" : "inbox") : null,
      rate: rate ? Number(rate) : null,
      concurrency: probe && times === "at_once" ? 2 : concurrency,
      stop_on_failure: stop,
      newest_first: newest,
      times: probe ? 2 : 1,
      edit: one && draft ? { method: draft.method, path: draft.path, headers: pairs(draft.headers) } : null,
    };
    const which_ = one
      ? { requests: [what.request!] }
      : which === "ticked"
        ? { requests: ticked }
        : { query: what.query, inbox: what.inbox };
    try {
      const replay = await api.beginReplay({
        ...which_,
        settings,
        confirm,
        body: one && draft ? base64(draft.body) : undefined,
      });
      onClose();
      // What one is answered is told as soon as it is, and two answers are compared on their page.
      if (probe) void navigate({ to: "/replays/{-$replay}", params: { replay: replay.id } });
      else if (!one) tell(`Replay begun: ${replay.url}`);
    } catch (failure) {
      setError(inWords(failure));
      if (failure instanceof CallError && failure.code === "confirm_host")
        setConfirm(new URL(endpoint ? endpoints.find(({ id }) => id === endpoint)!.url : url).host);
    }
  };
  const set = (change: Partial<Draft>): void => setDraft((now) => now && { ...now, ...change });
  const text = `${INPUT} font-mono text-data`;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {!edit && options.length > 1 && (
        <div className="mb-4">
          <Choice label="What" value={which} options={options} onChange={setChosen} />
        </div>
      )}
      {which === "list" && (
        <p className="mb-3 text-ink-2">{`Sends ${what.query ? "what the query finds" : "everything"}${what.inbox ? ` in ${what.inbox}` : ""}, the ${newest ? "newest" : "oldest"} first.`}</p>
      )}
      {endpoints.length > 0 && (
        <Field label="To">
          {(props) => (
            <select {...props} className={INPUT} value={endpoint} onChange={(event) => setEndpoint(event.target.value)}>
              <option value="">a URL</option>
              {endpoints.map(({ id, name, url: to }) => (
                <option key={id} value={id}>
                  {name || to}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {!endpoint && (
        <Field label="URL" hint="What stands behind the inbox's name in a request's path is put behind it.">
          {(props) => (
            <input
              {...props}
              className={text}
              value={url}
              placeholder="http://localhost:3000/webhooks"
              spellCheck={false}
              onChange={(event) => {
                setUrl(event.target.value);
                setConfirm(undefined);
              }}
            />
          )}
        </Field>
      )}
      <Switch
        label="Sign anew"
        hint={`With a new timestamp and the ${endpoint ? "endpoint" : "inbox"}'s secret. Without, the bytes and headers go as they came.`}
        checked={resign}
        onChange={setResign}
      />
      {edit && !draft && first.isFetched && (
        <Notice icon={AlertTriangle} tone="plain" title="This body is not edited here">
          It is no text, or very long. It goes as it is; the command line takes another from a file.
        </Notice>
      )}
      {edit && draft && (
        <>
          <div className="flex gap-4">
            <Field label="Method">
              {(props) => (
                <input
                  {...props}
                  className={text}
                  value={draft.method}
                  onChange={(event) => set({ method: event.target.value })}
                />
              )}
            </Field>
            <div className="flex-1">
              <Field label="Path behind the URL">
                {(props) => (
                  <input
                    {...props}
                    className={text}
                    value={draft.path}
                    spellCheck={false}
                    onChange={(event) => set({ path: event.target.value })}
                  />
                )}
              </Field>
            </div>
          </div>
          <Field
            label="Headers"
            hint={`One a line. ${MASK} stands for the value that is stored. Those of one connection are left out.`}
          >
            {(props) => (
              <textarea
                {...props}
                rows={6}
                spellCheck={false}
                className={`${text} h-auto! py-1`}
                value={draft.headers}
                onChange={(event) => set({ headers: event.target.value })}
              />
            )}
          </Field>
          <p className="mb-1 font-medium">Body</p>
          <div className="h-60 overflow-hidden rounded-[7px] border border-line bg-control">
            <Suspense fallback={null}>
              <CodeView
                text={first.data!.body}
                language={isJson(first.data!.body) ? "json" : "text"}
                label="Body"
                onChange={(body) => set({ body })}
              />
            </Suspense>
          </div>
          <p className="mt-1 mb-4 text-small text-ink-2">The stored request stays as it is.</p>
        </>
      )}
      <OutgoingFields value={onward} onChange={(change) => setOnward({ ...onward, ...change })} />
      {one ? (
        <div className="mb-4">
          <p className="mb-1 font-medium">Deliver it</p>
          <Choice label="Deliver it" value={times} options={TIMES} onChange={setTimes} />
          <p className="mt-1 text-small text-ink-2">
            Twice tells whether the receiver does the same thing once: its answers are compared.
          </p>
        </div>
      ) : (
        <>
          <div className="flex gap-4">
            <Field label="Requests a second" hint="As fast as they are answered if empty.">
              {(props) => (
                <input
                  {...props}
                  type="number"
                  min={0.001}
                  step="any"
                  className={INPUT}
                  value={rate}
                  onChange={(event) => setRate(event.target.value)}
                />
              )}
            </Field>
            <Field label="At a time" hint="1 keeps them in order.">
              {(props) => (
                <NumberInput
                  {...props}
                  required
                  min={1}
                  max={256}
                  value={concurrency}
                  onChange={(now) => setConcurrency(now ?? 0)}
                />
              )}
            </Field>
          </div>
          <Switch
            label="Stop at the first failure"
            hint="At the first that is not answered 2xx."
            checked={stop}
            onChange={setStop}
          />
          <Switch label="Newest first" checked={newest} onChange={setNewest} />
        </>
      )}
      <FormEnd error={error} icon={Send}>
        {confirm ? "Send them there" : one ? "Send" : "Send all"}
      </FormEnd>
    </form>
  );
}
