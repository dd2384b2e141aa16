/** JSON Web Tokens in compact form (RFC 7519, RFC 7515 §7.1), decoded but not verified. */

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** Maximum size of a token in bytes, far above tokens in webhooks. */
const LARGEST = 256 * 1024;

function decoded(part: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

/** Returns the header and the claims as JSON. Undefined if the body is not a token. */
export function jwtParts(body: Uint8Array): [name: string, json: Uint8Array<ArrayBuffer>][] | undefined {
  // Every token begins with `{"` in base64url.
  if (body.length > LARGEST || body[0] !== 0x65 || body[1] !== 0x79) return undefined;
  const text = new TextDecoder().decode(body).trim();
  if (!COMPACT.test(text)) return undefined;
  const [header, claims] = text.split(".") as [string, string];
  try {
    const parts = { Header: decoded(header), Claims: decoded(claims) };
    JSON.parse(new TextDecoder().decode(parts.Header));
    return Object.entries(parts);
  } catch {
    return undefined;
  }
}
