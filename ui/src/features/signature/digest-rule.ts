/** The editable parts of a digest scheme, and a guess of them. */

/** Fields that the form does not have keep their values. */
export interface DigestRule {
  signature: string[];
  split?: string;
  prefix?: string;
  content: string;
  algorithm: string;
  encoding?: string;
  key?: string;
  timestamp?: { from: string; unit: string; past_s?: number; future_s?: number } | undefined;
}

export const ALGORITHMS = [
  "hmac-sha256",
  "hmac-sha1",
  "hmac-sha512",
  "hmac-sha384",
  "hmac-md5",
  "hash-sha256",
  "hash-sha1",
  "token",
];
export const ENCODINGS = ["hex", "base64", "base64url", "hex-upper", "base64-of-hex"];
export const KEYS = [
  ["text", "as it is typed"],
  ["prefixed", "base64 behind whsec_"],
  ["base64", "base64"],
  ["hex", "hexadecimal"],
] as const;
export const UNITS = [
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["iso", "ISO 8601"],
] as const;

const START: DigestRule = {
  signature: [],
  content: "{body}",
  algorithm: "hmac-sha256",
  encoding: "hex",
  key: "text",
  prefix: "",
  split: "",
};

/** A header that says it holds a signature. */
const LIKELY = /sign|hmac|digest|mac$/i;

/** Returns the initial scheme for a request with these headers. */
export const likelyRule = (headers: readonly string[]): DigestRule => ({
  ...START,
  signature: [`header:${headers.find((name) => LIKELY.test(name)) ?? ""}`],
});

/** The rule of a scheme that was found, if it is a digest. */
export function digestOf(scheme: unknown): DigestRule | undefined {
  return typeof scheme === "object" && scheme !== null && "digest" in scheme
    ? { ...START, ...(scheme as { digest: DigestRule }).digest }
    : undefined;
}

/** The header that has the signature; empty where none is chosen. */
export const headerOf = (rule: DigestRule): string => rule.signature[0]?.replace(/^header:/, "") ?? "";

/** A name as the id of a provider and the name of its file. */
export const providerId = (name: string): string =>
  name
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");

/** Which vendors sign in the way that was found. */
export const signedAs = (vendors: readonly string[]): string =>
  `It is signed as ${vendors.join(", ")} ${vendors.length === 1 ? "signs" : "sign"}.`;
