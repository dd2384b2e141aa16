/** Conversion of a stored request to a draft. */
import { bytes, requestRoute, type Detail } from "../../api/client";
import { EMPTY, targetOf, type Draft } from "./draft";

/** Headers that the connection sets, which are not part of a draft. The engine leaves them out as well. */
const HOP_BY_HOP = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Largest body that is edited as text, in bytes. */
const EDITED_MAX = 1_000_000;

/**
 * Returns a stored request as a draft. The body is null if it is not UTF-8 text or too large to be edited; it is then
 * sent unchanged.
 */
export async function draftOf(detail: Detail, base: string): Promise<{ draft: Draft; isEditable: boolean }> {
  const body = detail.body_bytes > EDITED_MAX ? undefined : await textOf(detail.id);
  return {
    isEditable: body !== undefined,
    draft: {
      ...EMPTY,
      method: detail.method,
      url: targetOf(base, detail),
      provider: detail.provider ?? "",
      event: detail.event_type ?? "",
      headers: detail.headers
        .filter(({ name }) => !HOP_BY_HOP.has(name.toLowerCase()))
        .map(({ name, value }) => ({ on: !/^x-forwarded-/i.test(name), name: name.toLowerCase(), value })),
      body: body ?? "",
      reSign: detail.signature_status !== "unverified",
    },
  };
}

async function textOf(id: string): Promise<string | undefined> {
  const body = await bytes(requestRoute(id, "body?reveal=true"));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}
