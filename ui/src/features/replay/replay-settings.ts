/** The values of the replay form and their conversion to an API request. */
import type { Endpoint, Inbox, ReplayNew } from "../../api/client";
import type { OutgoingEdits } from "../forward";

/** The choice of requests to replay. */
export type Which = "list" | "selected" | "one";

type Times = "once" | "twice" | "at_once";

export interface Values {
  endpoint: string;
  url: string;
  reSign: boolean;
  /** Requests per second; undefined for no limit. */
  rate: number | undefined;
  concurrency: number;
  stopsOnFailure: boolean;
  newestFirst: boolean;
  times: Times;
  outgoing: OutgoingEdits;
}

/** Returns the initial values: the last target of the inbox, else its first forward. */
export function firstValues(inbox: Inbox | undefined): Values {
  const last = inbox?.replayed_to;
  return {
    endpoint: last && "endpoint" in last ? last.endpoint : "",
    url: last && "url" in last ? last.url : (inbox?.forwards[0]?.to ?? ""),
    reSign: false,
    rate: undefined,
    concurrency: 1,
    stopsOnFailure: false,
    newestFirst: false,
    times: "once",
    outgoing: {},
  };
}

/** Returns true if one request is sent twice, to test idempotency. */
export const isProbe = (which: Which, times: Times): boolean => which === "one" && times !== "once";

export function settingsOf(values: Values, which: Which): NonNullable<ReplayNew["settings"]> {
  const { endpoint, url, reSign, rate, concurrency, stopsOnFailure, newestFirst, times, outgoing } = values;
  const probe = isProbe(which, times);
  return {
    ...outgoing,
    to: endpoint ? { endpoint } : url ? { url } : null,
    re_sign: reSign ? (endpoint ? "endpoint" : "inbox") : null,
    rate: rate ?? null,
    concurrency: probe && times === "at_once" ? 2 : concurrency,
    stop_on_failure: stopsOnFailure,
    newest_first: newestFirst,
    times: probe ? 2 : 1,
  };
}

/** Returns the host of the target. */
export const hostOf = ({ endpoint, url }: Values, endpoints: readonly Endpoint[]): string =>
  new URL(endpoint ? endpoints.find(({ id }) => id === endpoint)!.url : url).host;
