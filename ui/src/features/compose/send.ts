/** Sends a draft. */
import { api, type ReplayNew } from "../../api/client";
import { base64, type Draft } from "./draft";

/** The source of a draft: a stored request, or nothing. */
export interface Source {
  request: string | undefined;
  /** False if the body is sent as stored. */
  isEditable: boolean;
}

const pairs = ({ headers }: Draft): string[][] =>
  headers.filter(({ on, name }) => on && name.trim()).map(({ name, value }) => [name.trim(), value]);

/** Sends a draft as an event of its provider. Its signature and headers are those of the provider. */
async function sendEvent(draft: Draft, sample: string | undefined): Promise<{ delivery?: string; skipped?: string }> {
  const { provider, event, endpoint, url, secret, body, count, rate } = draft;
  const { deliveries } = await api.sendEvent({
    provider,
    type: event,
    // The engine fills in an unchanged sample, with new values for each event.
    ...(body === sample ? {} : { body, fill: /\{\{/.test(body) }),
    ...(endpoint ? { endpoints: [endpoint] } : { to: temporaryEndpoint(url, provider, secret) }),
    count,
    rate,
  });
  const [first] = deliveries;
  const skipped = deliveries.every(({ state }) => state === "skipped" || state === "filtered");
  return { delivery: first?.id, skipped: skipped && first ? (first.reason ?? "The event was not sent.") : undefined };
}

const temporaryEndpoint = (url: string, provider: string, secret: string) => ({
  url,
  provider,
  local_test: true,
  secrets: secret ? [{ value: secret }] : [],
});

/** Sends a draft, and returns the id of what was sent. */
export async function send(
  draft: Draft,
  { request, isEditable }: Source,
  sample: string | undefined,
  confirm: string | undefined,
): Promise<{ replay?: string; delivery?: string; skipped?: string }> {
  if (draft.provider && !request) return sendEvent(draft, sample);
  const { method, url, endpoint, reSign, count, rate, concurrency, timeout_ms, body } = draft;
  const settings = {
    to: endpoint ? { endpoint } : { url },
    path: "exact",
    edit: { method, path: null, headers: pairs(draft) },
    re_sign: reSign && request ? (endpoint ? "endpoint" : "inbox") : null,
    times: count,
    rate: rate ?? null,
    concurrency,
    timeout_ms,
  } as unknown as ReplayNew["settings"];
  const replay = await api.beginReplay({
    ...(request ? { requests: [request] } : { blank: true }),
    settings,
    body: isEditable ? base64(body) : undefined,
    confirm,
  } as ReplayNew);
  return { replay: replay.id };
}
