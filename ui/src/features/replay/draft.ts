/** The editable form of a stored request. */
import { bytes, requestRoute, type Detail } from "../../api/client";

export interface Draft {
  method: string;
  path: string;
  /** Headers, one per line. */
  headers: string;
  body: string;
}

/** Largest body that is edited as text, in bytes. */
const EDITED_MAX = 1_000_000;

/** Returns a request in editable form. Undefined if the body is not UTF-8 text or is larger than the limit. */
export async function draftOf(detail: Detail): Promise<Draft | undefined> {
  if (detail.body_bytes > EDITED_MAX) return undefined;
  const { inbox, target } = detail;
  const body = await bytes(requestRoute(detail.id, "body?reveal=true"));
  try {
    return {
      method: detail.method,
      path: target.startsWith(`/${inbox}`) ? target.slice(inbox.length + 1) : target,
      headers: detail.headers.map(({ name, value }) => `${name}: ${value}`).join("\n"),
      body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body),
    };
  } catch {
    return undefined;
  }
}

/** Parses headers, one per line, into pairs of a name and a value. */
export const headerPairs = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]);

/** Encodes the UTF-8 bytes of a text in base64. */
export function base64(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
