/** The settings of an exposure as a form holds them. */
import type { ExposureSettings } from "../../api/client";

export interface Values {
  /** How long a sender waits, in seconds; empty for as long as its vendor allows. */
  wait: string;
  name: string;
  password: string;
  allow: string[];
  verifiedOnly: boolean;
  giveSecrets: boolean;
  onReturn: NonNullable<ExposureSettings["on_return"]>;
}

export const valuesOf = (settings: Partial<ExposureSettings>): Values => ({
  wait: settings.wait_ms == null ? "" : String(settings.wait_ms / 1_000),
  name: settings.basic?.name ?? "",
  password: settings.basic?.password ?? "",
  allow: settings.allow ?? [],
  verifiedOnly: settings.verified_only ?? false,
  giveSecrets: settings.give_secrets ?? false,
  onReturn: settings.on_return ?? "ask",
});

/** Throws where the time that a sender waits is not a number. */
export function settingsOf({
  wait,
  name,
  password,
  allow,
  verifiedOnly,
  giveSecrets,
  onReturn,
}: Values): ExposureSettings {
  const wait_ms = wait.trim() === "" ? null : Math.round(Number(wait) * 1_000);
  if (Number.isNaN(wait_ms)) throw new Error("How long a sender waits is a number of seconds.");
  return {
    wait_ms,
    basic: name ? { name, password } : null,
    allow,
    verified_only: verifiedOnly,
    give_secrets: giveSecrets,
    on_return: onReturn,
  };
}
