/** Drafts of requests: what is composed and sent. */
import type { Detail } from "../../api/types";

/** A header of a draft. A header that is off stays in the draft and is not sent. */
export interface DraftHeader {
  on: boolean;
  name: string;
  value: string;
}

export interface Draft {
  method: string;
  /** URL of the target. Not used if an endpoint is chosen. */
  url: string;
  /** Id of the endpoint. Empty for a URL. */
  endpoint: string;
  /** Id of the provider that the request is sent as. Empty for none. */
  provider: string;
  event: string;
  /** Signing secret for a provider without an endpoint. */
  secret: string;
  headers: DraftHeader[];
  body: string;
  reSign: boolean;
  count: number;
  /** Requests per second. Undefined for no limit. */
  rate: number | undefined;
  concurrency: number;
  timeout_ms: number;
}

/** A request that was sent from a draft. */
export interface Sent {
  number: number;
  at: string;
  draft: Draft;
  /** What changed since the previous one, in words. */
  changed: string;
  /** Id of the replay, or of the delivery of an event. */
  replay?: string;
  delivery?: string;
}

export interface Work {
  draft: Draft;
  sends: Sent[];
}

export const EMPTY: Draft = {
  method: "POST",
  url: "",
  endpoint: "",
  provider: "",
  event: "",
  secret: "",
  headers: [{ on: true, name: "content-type", value: "application/json" }],
  body: "{}",
  reSign: false,
  count: 1,
  rate: undefined,
  concurrency: 1,
  timeout_ms: 30_000,
};

/** Returns the URL of a target with the path after the inbox name, as a replay appends it. */
export function targetOf(base: string, { inbox, target }: Pick<Detail, "inbox" | "target">): string {
  if (!base) return "";
  const rest = target.startsWith(`/${inbox}`) ? target.slice(inbox.length + 1) : "";
  return base.replace(/\/$/, "") + rest;
}

/** Encodes the UTF-8 bytes of a text in base64. */
export function base64(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
