/** The editable parts of a digest scheme, and initial values for a request. */

/** A digest scheme. Fields that the form does not show keep their values. */
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
  ["text", "text"],
  ["prefixed", "base64 after whsec_"],
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

/** Pattern of header names that suggest a signature. */
const LIKELY = /sign|hmac|digest|mac$/i;

/** Returns the initial scheme for a request with these headers. */
export const likelyRule = (headers: readonly string[]): DigestRule => ({
  ...START,
  signature: [`header:${headers.find((name) => LIKELY.test(name)) ?? ""}`],
});

/** Returns the rule of a scheme. Undefined if the scheme is not a digest. */
export function digestOf(scheme: unknown): DigestRule | undefined {
  return typeof scheme === "object" && scheme !== null && "digest" in scheme
    ? { ...START, ...(scheme as { digest: DigestRule }).digest }
    : undefined;
}

/** Returns the name of the signature header. Empty if none is chosen. */
export const headerOf = (rule: DigestRule): string => rule.signature[0]?.replace(/^header:/, "") ?? "";

/** Converts a name to the id of a provider, which is also its file name. */
export const providerId = (name: string): string =>
  name
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");

/** Describes the providers whose scheme matches. */
export const signedAs = (vendors: readonly string[]): string =>
  `The signature matches ${vendors.length === 1 ? "the scheme" : "the schemes"} of ${vendors.join(", ")}.`;
