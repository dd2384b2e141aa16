/** The composer: a request or an event to send, with the response and the history of sends beside it. */
import { useQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { ArrowLeft, Send as SendIcon } from "lucide-react";
import { useEffect, useMemo, useState } from "react";

import { api, type Detail, type Endpoint, type Inbox } from "../../api/client";
import { keys } from "../../api/keys";
import { useEndpoints, useInboxes, useProvider } from "../../api/queries";
import { firstKeys, perform, useCommands } from "../../app/commands";
import { CallError, inWords } from "../../platform";
import { Advanced } from "../../ui/advanced";
import { Button, IconButton } from "../../ui/button";
import { NumberField } from "../../ui/field";
import { FormError } from "../../ui/form";
import { clock, visible } from "../../ui/format";
import { laidOut } from "../../ui/json-text";
import { attempt, tell } from "../../ui/toasts";
import { BodyEditor } from "./body-editor";
import { changeOf } from "./changes";
import { EMPTY, type Draft, type Sent } from "./draft";
import { HeaderTable, vendorHeaders } from "./header-table";
import { draftOf } from "./read-draft";
import { useRemarks } from "./remarks";
import { ResponsePane } from "./response-pane";
import { send } from "./send";
import { useWork } from "./stored-draft";
import { ProviderFields, TargetFields } from "./target-fields";

export interface ComposeSource {
  request?: string;
  endpoint?: string;
}

/** Returns the first draft of a source. Undefined until it is read. */
function useFirst({ request, endpoint }: ComposeSource) {
  const inboxes = useInboxes().data?.items;
  const endpoints = useEndpoints().data?.items;
  const { data: detail } = useQuery({
    queryKey: keys.request(request ?? ""),
    queryFn: () => api.request(request!),
    enabled: request !== undefined,
  });
  const inbox = inboxes?.find(({ name }) => name === detail?.inbox);
  const base = baseOf(inbox, endpoints);
  const read = useQuery({
    queryKey: ["composed", request, base],
    queryFn: () => draftOf(detail!, base),
    enabled: detail !== undefined && inboxes !== undefined && endpoints !== undefined,
    staleTime: Infinity,
  }).data;
  const to = endpoints?.find(({ id }) => id === endpoint);
  const event = useMemo(() => (to ? { ...EMPTY, endpoint: to.id, provider: to.provider, body: "" } : EMPTY), [to]);
  if (request) return { first: read?.draft, isEditable: read?.isEditable ?? false, detail, inbox };
  return { first: endpoint && !to ? undefined : event, isEditable: true, detail: undefined, inbox: undefined };
}

/** Returns the URL of the last replay target of an inbox, or of its first forward. */
function baseOf(inbox: Inbox | undefined, endpoints: readonly Endpoint[] | undefined): string {
  const last = inbox?.replayed_to;
  if (last && "endpoint" in last) return endpoints?.find(({ id }) => id === last.endpoint)?.url ?? "";
  return last && "url" in last ? last.url : (inbox?.forwards[0]?.to ?? "");
}

export function ComposePage({ request, endpoint }: ComposeSource) {
  const key = request ? `request-${request}` : endpoint ? `endpoint-${endpoint}` : "new";
  return <Composer key={key} id={key} source={{ request, endpoint }} />;
}

function Composer({ id, source }: { id: string; source: ComposeSource }) {
  const { first, isEditable, detail, inbox } = useFirst(source);
  const { work, version, set, replace, addSent } = useWork(id, first);
  const [shown, setShown] = useState<number>();
  const [error, setError] = useState<string>();
  const [confirm, setConfirm] = useState<string>();
  const [busy, setBusy] = useState(false);
  const draft = work?.draft;
  const sends = work?.sends ?? [];
  const file = useProvider(draft?.provider ?? "").data;
  const events = source.request ? [] : (file?.sending?.events ?? []);
  const event = events.find(({ type }) => type === draft?.event);
  const sample = event && JSON.stringify(event.sample, null, 2);
  const remarks = useRemarks(draft?.body ?? "", draft?.event ?? "");
  const isEvent = Boolean(draft?.provider) && !source.request;
  useFirstEvent(draft, events, replace, isEvent);
  const run = async (): Promise<void> => {
    if (!draft || busy) return;
    if (!draft.endpoint && !draft.url)
      return setError("Enter the URL to send to, such as http://localhost:3000/webhooks.");
    setBusy(true);
    setError(undefined);
    try {
      const { skipped, ...ids } = await send(draft, { request: source.request, isEditable }, sample, confirm);
      const number = (sends[0]?.number ?? 0) + 1;
      addSent({ number, at: new Date().toISOString(), draft, changed: changeOf(sends[0]?.draft, draft), ...ids });
      setShown(number);
      setConfirm(undefined);
      if (skipped) tell(`Not sent: ${skipped}`);
    } catch (failure) {
      if (failure instanceof CallError && failure.code === "confirm_host") setConfirm(hostOf(draft));
      setError(failure instanceof CallError ? `${failure.message} ${failure.hint}` : inWords(failure));
    } finally {
      setBusy(false);
    }
  };
  const format = (): void => draft && replace({ ...draft, body: laidOut(draft.body) });
  const router = useRouter();
  const step = (by: 1 | -1): void => {
    const at = sends.findIndex(({ number }) => number === (shown ?? sends[0]?.number));
    const next = sends[at + by];
    if (next) setShown(next.number);
  };
  useCommands({
    send: () => void run(),
    "format-body": format,
    leave: () => router.history.back(),
    "send-newer": () => step(-1),
    "send-older": () => step(1),
  });
  if (!draft) return null;
  const title = source.request ? "Edit and replay" : isEvent ? "Send event" : "New request";
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex items-center gap-2 border-b border-line px-4 py-2">
        <IconButton label="Back" icon={ArrowLeft} keys="Esc" onClick={() => router.history.back()} />
        <h1 data-pane="page" tabIndex={-1} className="text-title font-semibold tracking-tight">
          {title}
        </h1>
        {detail && <From detail={detail} />}
        <span className="ml-auto text-small text-ink-2">
          {source.request && "The stored request is not changed. "}Draft saved
        </span>
        <Button onClick={() => first && replace(first)}>Discard draft</Button>
      </header>
      <div className="compose grid min-h-0 flex-1">
        <form
          noValidate
          aria-label={title}
          className="flex min-h-0 flex-col gap-3 overflow-auto p-4"
          onSubmit={(submitted) => {
            submitted.preventDefault();
            void run();
          }}
        >
          <div className="flex gap-2">
            <TargetFields draft={draft} set={set} isEvent={isEvent} />
            <Button look="primary" type="submit" icon={SendIcon} disabled={busy} keys={firstKeys("send")}>
              {confirm ? "Confirm and send" : "Send"}
            </Button>
          </div>
          <Disabled endpoint={draft.endpoint} onEnabled={() => void run()} />
          <FormError error={error} className="mb-0!" />
          <ProviderFields
            draft={draft}
            set={set}
            events={events}
            isStored={source.request !== undefined}
            canReSign={draft.endpoint !== "" || Boolean(inbox?.verification.provider)}
            onEvent={(type) => replace(withEvent(draft, type, events))}
          />
          {event && <p className="text-ink-2">{event.about}</p>}
          <HeaderTable
            headers={isEvent ? [] : draft.headers}
            vendor={isEvent ? vendorHeaders(file, draft.event, draft.endpoint !== "" || draft.secret !== "") : []}
            signature={draft.reSign && source.request ? signatureHeader(file) : undefined}
            onChange={(headers) => set({ headers })}
          />
          {isEditable ? (
            <BodyEditor
              body={draft.body}
              version={version}
              remarks={remarks}
              takesFocus={source.request !== undefined}
              onChange={(body) => set({ body })}
              onFormat={() => perform("format-body")}
              onReset={() => replace({ ...draft, body: sample ?? first?.body ?? "" })}
            />
          ) : (
            <p className="text-ink-2">This body is not text, or is larger than 1 MB. It is sent unchanged.</p>
          )}
          <Amounts draft={draft} set={set} isEvent={isEvent} />
        </form>
        <div className="flex min-h-0 flex-col bg-pane">
          <ResponsePane sends={sends} shown={shown} onShow={setShown} onRestore={(sent: Sent) => replace(sent.draft)} />
        </div>
      </div>
    </div>
  );
}

const hostOf = ({ url }: Draft): string => (URL.canParse(url) ? new URL(url).host : "");

type Events = readonly { type: string; about: string; sample: unknown }[];

/** Returns a draft with another event and its sample. */
function withEvent(draft: Draft, type: string, events: Events): Draft {
  const event = events.find((one) => one.type === type);
  return { ...draft, event: type, body: event ? JSON.stringify(event.sample, null, 2) : draft.body };
}

/** Chooses the first event of the provider. */
function useFirstEvent(
  draft: Draft | undefined,
  events: Events,
  replace: (draft: Draft) => void,
  isEvent: boolean,
): void {
  const [first] = events;
  const isMissing = isEvent && draft !== undefined && first !== undefined && draft.event === "";
  useEffect(() => {
    if (isMissing) replace(withEvent(draft, first.type, events));
    // Once the event is chosen, nothing is missing.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [isMissing]);
}

/** Returns the name of the signature header of a provider. */
const signatureHeader = (file: Parameters<typeof vendorHeaders>[0]): string | undefined =>
  vendorHeaders(file, "", true).find(({ note }) => note === "set on send")?.name;

function From({ detail: { id, inbox, event_type, method, arrived_at } }: { detail: Detail }) {
  return (
    <span className="truncate text-ink-2">
      from{" "}
      <Link
        to="/inbox/$inbox/{-$request}"
        params={{ inbox, request: id }}
        className="font-medium text-accent hover:underline"
      >
        {visible(event_type ?? method)}
      </Link>{" "}
      in {inbox}, {clock(arrived_at)}
    </span>
  );
}

/** The prompt to enable the endpoint. Events for a disabled endpoint are stored as skipped. */
function Disabled({ endpoint, onEnabled }: { endpoint: string; onEnabled: () => void }) {
  const chosen = useEndpoints().data?.items.find(({ id }) => id === endpoint);
  if (!chosen || chosen.state.enabled) return null;
  const enable = async (): Promise<void> => {
    if (await attempt(api.changeEndpoint(endpoint, { enabled: true }))) onEnabled();
  };
  return (
    <p role="alert" className="flex flex-wrap items-center gap-3 text-warning">
      This endpoint is disabled: events are stored as skipped and not sent.
      <Button onClick={() => void enable()}>Enable and send</Button>
    </p>
  );
}

/** Maximum number of times that a stored request or a new one is sent. */
const TIMES_MAX = 10;

function Amounts({ draft, set, isEvent }: { draft: Draft; set: (change: Partial<Draft>) => void; isEvent: boolean }) {
  const { count, rate, concurrency, timeout_ms } = draft;
  return (
    <Advanced isSet={count > 1}>
      <div className="grid grid-cols-4 gap-3">
        <NumberField
          label="Count"
          min={1}
          max={isEvent ? 10_000 : TIMES_MAX}
          value={count}
          onChange={(now) => set({ count: now ?? 1 })}
        />
        <NumberField
          label="Per second"
          min={0.1}
          step="any"
          placeholder="no limit"
          value={rate}
          onChange={(now) => set({ rate: now })}
        />
        {!isEvent && (
          <>
            <NumberField
              label="Concurrency"
              min={1}
              max={256}
              value={concurrency}
              onChange={(now) => set({ concurrency: now ?? 1 })}
            />
            <NumberField
              label="Timeout (ms)"
              min={1}
              max={600_000}
              value={timeout_ms}
              onChange={(now) => set({ timeout_ms: now ?? 30_000 })}
            />
          </>
        )}
      </div>
    </Advanced>
  );
}
