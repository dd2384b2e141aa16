import { useNavigate } from "@tanstack/react-router";
import { Check, ChevronDown, ChevronRight, Copy, Send, Zap } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";

import { api, type Inbox } from "../../api/client";
import { useEndpoints, useProviders } from "../../api/queries";
import { perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Input } from "../../ui/input";
import { Form, FormError, useFormState, useSubmission } from "../../ui/form";
import { count } from "../../ui/format";
import { prefer, usePreferences } from "../../ui/preferences";
import { SearchSelect } from "../../ui/select";
import { tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { SecretForm, useDetected } from "./detection";
import { CALLS } from "./first-calls";
import { InboxUrl } from "./inbox-header";

/** Number of requests from which an inbox needs no checklist. */
const ENOUGH = 25;

/** Providers that can be chosen with one click. */
const USUAL = ["stripe", "github", "shopify", "slack", "onwebchat"] as const;

const STEPS = ["Receive", "Verify", "Forward to your app", "Get a public URL", "Send events"] as const;

/** Height of the window from which the checklist is open beside requests, in px. */
const ROOMY = 760;

/** Returns true if the checklist of an inbox is shown. */
export function useChecklist(inbox: Inbox | undefined): boolean {
  const { dismissed } = usePreferences();
  return inbox !== undefined && inbox.requests < ENOUGH && !dismissed.includes(inbox.name);
}

interface Props {
  inbox: Inbox;
  url: string;
  isPublic: boolean;
}

/** The steps that set up an inbox. Each completes when it is done, wherever that was. */
export function Checklist({ inbox, url, isPublic }: Props) {
  const endpoints = useEndpoints().data?.items ?? [];
  const { dismissed } = usePreferences();
  const { provider, secrets = [] } = inbox.verification;
  const isVerified = Boolean(provider) && secrets.length > 0;
  const done = [inbox.requests > 0, isVerified, inbox.forwards.length > 0, isPublic, endpoints.length > 0];
  const next = done.indexOf(false);
  const section = useRef<HTMLElement>(null);
  const [isOpen, setOpen] = useState(() => inbox.requests === 0 || innerHeight >= ROOMY);
  // A completed step takes its form away, and the focus with it.
  useEffect(() => {
    if (document.activeElement === document.body && next > 1) section.current?.focus();
  }, [next]);
  const { data: providers } = useProviders();
  const verified = providers?.items.find(({ id }) => id === provider)?.name ?? provider;
  const step = (place: number, title: string, note: ReactNode, children: ReactNode) => (
    <Step number={place + 1} title={title} note={note} isDone={done[place]!} isNext={place === next}>
      {children}
    </Step>
  );
  return (
    <section
      ref={section}
      tabIndex={-1}
      aria-label="Set up this inbox"
      className={`min-h-0 shrink overflow-auto border-t border-line px-3 py-2 outline-none ${inbox.requests > 0 ? "max-h-[56%]" : "max-h-[64%]"}`}
    >
      <h2 className={`flex items-center gap-2 ${isOpen ? "mb-2" : ""}`}>
        <button
          type="button"
          aria-expanded={isOpen}
          className="flex min-w-0 items-center gap-2"
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />}
          <span className="font-semibold whitespace-nowrap">Set up this inbox</span>
          <span className="truncate text-small font-normal text-ink-2">
            {done.filter(Boolean).length} of {done.length}
            {!isOpen && next >= 0 && ` · next: ${STEPS[next]}`}
          </span>
        </button>
        <button
          type="button"
          className="ml-auto text-small text-ink-2 hover:text-ink"
          onClick={() => prefer({ dismissed: [...dismissed, inbox.name] })}
        >
          Dismiss
        </button>
      </h2>
      <ol
        className={`divide-y divide-line overflow-hidden rounded-[9px] border border-line bg-background ${isOpen ? "" : "hidden"}`}
      >
        {step(
          0,
          STEPS[0],
          inbox.requests > 0 && `${count(inbox.requests)} ${inbox.requests === 1 ? "request" : "requests"}`,
          <Receive url={url} />,
        )}
        {step(1, STEPS[1], isVerified && verified, <Verify inbox={inbox} />)}
        {step(2, STEPS[2], inbox.forwards[0]?.to, <Forward inbox={inbox} />)}
        {step(3, STEPS[3], null, <PublicUrl />)}
        {step(4, STEPS[4], null, <SendEvents />)}
      </ol>
    </section>
  );
}

function Step({
  number,
  title,
  note,
  isDone,
  isNext,
  children,
}: {
  number: number;
  title: string;
  note: ReactNode;
  isDone: boolean;
  isNext: boolean;
  children: ReactNode;
}) {
  return (
    <li className={`flex gap-3 px-3 py-2.5 ${isNext ? "bg-pane" : ""}`}>
      <span
        aria-hidden
        className={`mt-0.5 flex size-5 shrink-0 items-center justify-center rounded-full border text-[11px] font-semibold ${isDone ? "border-accent text-accent" : isNext ? "border-accent" : "border-ink-3 text-ink-2"}`}
      >
        {isDone ? <Check size={12} strokeWidth={3} /> : number}
      </span>
      <div className="min-w-0 flex-1">
        <h3 className="flex items-baseline gap-2">
          <span className="font-semibold">{title}</span>
          {isDone && <span className="sr-only">done</span>}
          {note && <span className="ml-auto truncate text-small text-ink-2">{note}</span>}
        </h3>
        {!isDone && children}
      </div>
    </li>
  );
}

function Receive({ url }: { url: string }) {
  return (
    <>
      <div className="mt-1.5 flex gap-2">
        <code
          title={url}
          className="control flex min-w-0 flex-1 items-center rounded-[7px] border border-line bg-control px-2.5 font-mono text-data"
        >
          <InboxUrl url={url} />
        </code>
        <Button icon={Copy} onClick={() => copyText(url, "URL")}>
          Copy
        </Button>
        <Button icon={Zap} onClick={() => perform("test-event")}>
          Test event
        </Button>
      </div>
      <p className="mt-1.5 flex flex-wrap gap-x-3 text-small text-ink-2">
        Copy a call:
        {CALLS.map(({ id, name, text }) => (
          <button key={id} type="button" className="text-accent" onClick={() => copyText(text(url), `${name} call`)}>
            {name}
          </button>
        ))}
      </p>
    </>
  );
}

function Verify({ inbox }: { inbox: Inbox }) {
  const providers = useProviders().data?.items ?? [];
  const detected = useDetected(inbox)?.provider;
  const [chosen, choose] = useState<string>();
  const provider = chosen ?? detected ?? "";
  const usual = USUAL.map((id) => providers.find((one) => one.id === id)).filter((one) => one !== undefined);
  const sorted = providers.toSorted((a, b) => a.name.localeCompare(b.name, undefined, { sensitivity: "base" }));
  return (
    <>
      <p className="mb-1.5 text-small text-ink-2">Each request is verified when it arrives, and stored ones now.</p>
      <div className="mb-2 flex flex-wrap items-center gap-1.5">
        {usual.map(({ id, name }) => (
          <button
            key={id}
            type="button"
            aria-pressed={id === provider}
            onClick={() => choose(id)}
            className={`control rounded-[7px] border bg-control px-2.5 text-small ${id === provider ? "border-accent font-medium text-accent" : "border-line hover:bg-hover"}`}
          >
            {name}
          </button>
        ))}
        <SearchSelect
          aria-label="Other provider"
          className="w-36!"
          value={provider}
          groups={[
            { label: "", options: [["", `${count(providers.length)} providers`]] },
            { label: "Providers", options: sorted.map(({ id, name }) => [id, name] as const) },
          ]}
          onChange={choose}
        />
      </div>
      {provider && <SecretForm inbox={inbox.name} provider={provider} />}
    </>
  );
}

function Forward({ inbox }: { inbox: Inbox }) {
  const [{ url, mode }, set] = useFormState<{ url: string; mode: "mirror" | "proxy" }>({ url: "", mode: "mirror" });
  const { submit, error, busy } = useSubmission(async () => {
    await api.changeInbox(inbox.name, { forwards: [...inbox.forwards, { to: url, mode }] });
    tell("Forward saved");
  });
  return (
    <Form onSubmit={submit}>
      <div className="mt-1.5 flex flex-wrap gap-2">
        <Input
          aria-label="URL of your app"
          mono
          placeholder="http://localhost:3000/webhooks"
          className="min-w-40 flex-1"
          value={url}
          onChange={(now) => set({ url: now })}
        />
        <Choice
          label="Mode"
          value={mode}
          options={[
            ["mirror", "Mirror"],
            ["proxy", "Proxy"],
          ]}
          onChange={(now) => set({ mode: now })}
        />
        <Button type="submit" disabled={busy || !url}>
          Forward
        </Button>
      </div>
      <FormError error={error} className="mt-1" />
    </Form>
  );
}

function PublicUrl() {
  const navigate = useNavigate();
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-ink-2">
      <span className="flex-1">For senders outside this computer.</span>
      <Button onClick={() => void navigate({ to: "/tunnels" })}>Expose this inbox…</Button>
    </p>
  );
}

function SendEvents() {
  const navigate = useNavigate();
  const open = async (): Promise<void> => {
    await navigate({
      to: "/endpoints/{-$endpoint}/{-$delivery}",
      params: { endpoint: undefined, delivery: undefined },
    });
    perform("new-endpoint");
  };
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-ink-2">
      <span className="flex-1">As Stripe, GitHub or another vendor, with signature and retries.</span>
      <Button icon={Send} onClick={() => void open()}>
        Create endpoint…
      </Button>
    </p>
  );
}
