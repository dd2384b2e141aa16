import { useQuery } from "@tanstack/react-query";
import { Clock, CornerDownRight, Shield, ShieldCheck, ShieldOff, ShieldX, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

import { api, type Delivery, type Detail } from "../../api/client";
import { keys } from "../../api/keys";
import { useProviders } from "../../api/queries";
import { perform } from "../../app/commands";
import { duration, visible } from "../../ui/format";
import { useSettled } from "../../ui/settled";
import { Countdown } from "../delivery";

/** Pause after which the reason of an invalid signature is searched, in ms. A held arrow key opens many requests. */
const SEARCHED_MS = 250;

/** Maximum number of deliveries that are read for a request. */
export const DELIVERIES = 20;

type Tone = "valid" | "invalid" | "warning" | "plain";
const TINTS: Record<Tone, string> = {
  valid: "bg-valid/8 text-valid",
  invalid: "bg-invalid/8 text-invalid",
  warning: "bg-warning/8 text-warning",
  plain: "bg-background text-ink-2",
};

/** The forwards and replays of a request, newest first. */
export function useDeliveries(request: string) {
  const query = { request, limit: DELIVERIES };
  return useQuery({ queryKey: keys.deliveries(query), queryFn: () => api.deliveries(query) }).data?.items;
}

/** The explanation of the signature. It has its own key for each status, because settings change the status. */
export const signatureQuery = (detail: Detail) => ({
  queryKey: [...keys.signature(detail.id), detail.signature_status, detail.reason],
  queryFn: () => api.signature(detail.id),
  gcTime: 5_000,
});

/** What became of a request: its signature on the left, the result of the app on the right. */
export function Outcome({ detail }: { detail: Detail }) {
  return (
    <div className="outcome mx-4 mt-2.5 grid overflow-hidden rounded-[8px] border border-line">
      <Signature detail={detail} />
      <App detail={detail} />
    </div>
  );
}

function Cell({
  icon: Icon,
  tone,
  label,
  onClick,
  children,
}: {
  icon: LucideIcon;
  tone: Tone;
  label: string;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <button
      type="button"
      onClick={onClick}
      className={`flex min-h-12 min-w-0 items-center gap-3 px-3 py-1.5 text-left text-small ${TINTS[tone]} hover:brightness-95 dark:hover:brightness-110`}
    >
      <Icon size={17} aria-hidden className="shrink-0" />
      <span className="line-clamp-2 min-w-0 text-ink-2">
        <span className="sr-only">{label}: </span>
        {children}
      </span>
    </button>
  );
}

const LOOKS: Record<Detail["signature_status"], { icon: LucideIcon; tone: Tone }> = {
  valid: { icon: ShieldCheck, tone: "valid" },
  invalid: { icon: ShieldX, tone: "invalid" },
  expired: { icon: Clock, tone: "warning" },
  unsigned: { icon: ShieldOff, tone: "warning" },
  unverified: { icon: Shield, tone: "plain" },
};

/** Splits a text after its first sentence. */
function firstSentence(text: string): [first: string, rest: string] {
  // A colon ends the sentence, unless it is in parentheses.
  const end = /^[^(]*?[.:](?=\s)|\.(?=\s)/.exec(text);
  const at = end ? end.index + end[0].length : text.length;
  return [text.slice(0, at), text.slice(at).trim()];
}

function Signature({ detail }: { detail: Detail }) {
  const { signature_status: status, provider, id } = detail;
  const providers = useProviders().data?.items;
  const known = providers?.find((one) => one.id === provider);
  const name = known?.name ?? provider;
  const settled = useSettled(id, SEARCHED_MS) === id;
  const isWrong = status === "invalid" || status === "expired" || status === "unsigned";
  const explained = useQuery({ ...signatureQuery(detail), enabled: settled && status !== "unverified" }).data;
  const { icon, tone } = LOOKS[status];
  const text = visible(explained?.sentence ?? detail.sentence ?? "");
  const [first, rest] = firstSentence(text);
  return (
    <Cell icon={icon} tone={tone} label={`Signature ${status}`} onClick={() => perform("tab-signature")}>
      {status === "valid" && (
        <>
          <strong className="font-semibold text-ink">Signed by {name ?? "its sender"}.</strong>{" "}
          {explained && (
            <>
              {explained.masked_secrets.length > 0 ? (
                <>
                  Secret <span className="font-mono">{explained.masked_secrets[explained.secret ?? 0]}</span> matches
                </>
              ) : (
                "The signature matches"
              )}
              {skewOf(detail, explained.signed_at)}
            </>
          )}
        </>
      )}
      {isWrong && (
        <>
          <strong className="font-semibold text-ink">{first || `The signature is ${status}.`}</strong> {rest}
        </>
      )}
      {status === "unverified" && (
        <>
          <strong className="font-semibold text-ink">
            {name ? `Looks like ${name}, not verified.` : "Not verified: the provider is not known."}
          </strong>{" "}
          {!name
            ? "Choose the provider of this inbox."
            : known?.schemes.length === 0
              ? "Hookbench knows no signature scheme of this provider."
              : "Add the signing secret."}
        </>
      )}
    </Cell>
  );
}

function skewOf({ arrived_at }: Detail, signed: string | null | undefined): string {
  if (!signed) return "";
  const seconds = (Date.parse(arrived_at) - Date.parse(signed)) / 1000;
  return `, signed ${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? "after" : "before"} it arrived`;
}

/** Returns the delivery that the list shows as the result of the app: the worst of the last ones to each URL. */
export function worstOf(deliveries: readonly Delivery[]): Delivery | undefined {
  const seen = new Set<string>();
  const last = deliveries.filter(({ url }) => !seen.has(url) && seen.add(url));
  const badness = ({ status, error, state }: Delivery): number =>
    status ?? (error ? 1000 : state === "waiting" || state === "sending" ? 299 : 0);
  return last.toSorted((a, b) => badness(b) - badness(a))[0];
}

function App({ detail }: { detail: Detail }) {
  const deliveries = useDeliveries(detail.id);
  const worst = deliveries && worstOf(deliveries);
  const show = (): void => void perform("tab-response");
  if (!worst) {
    return (
      <Cell icon={CornerDownRight} tone="plain" label="App response" onClick={show}>
        <strong className="font-semibold text-ink">Not forwarded.</strong>{" "}
        {detail.status > 0 && `The inbox responded ${detail.status}.`}
      </Cell>
    );
  }
  const { status, state, duration_ms, attempts, next_at, url } = worst;
  const tone: Tone =
    status && status < 300 ? "valid" : state === "sending" || (!status && next_at) ? "plain" : "invalid";
  const took = duration_ms != null ? ` in ${duration(duration_ms)}` : "";
  const others = new Set(deliveries.map((one) => one.url)).size - 1;
  return (
    <Cell icon={CornerDownRight} tone={tone} label="App response" onClick={show}>
      <strong className="font-semibold text-ink">
        {status ? (
          <>
            app responded <span className={tone === "valid" ? "text-valid" : "text-invalid"}>{status}</span>
            {took}
          </>
        ) : state === "sending" || (state === "waiting" && attempts === 0) ? (
          "waiting for the app"
        ) : (
          `no response${took}`
        )}
      </strong>{" "}
      {next_at && attempts > 0 ? (
        <>
          retry {attempts} <Countdown at={next_at} />
        </>
      ) : status ? (
        <span className="wrap-anywhere">{others > 0 ? `worst of ${others + 1} URLs` : visible(hostOf(url))}</span>
      ) : (
        visible(worst.error ?? worst.reason ?? "")
      )}
    </Cell>
  );
}

/** Returns the host of a URL, or the text if it is no URL. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
