/** The settings of an exposure as form values. */
import type { ExposureSettings } from "../../api/client";

export interface Values {
  /** Response timeout in seconds, as text; empty for the limit of the vendor. */
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

/** Converts form values to settings. Throws an error if the response timeout is not a number. */
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
  if (Number.isNaN(wait_ms)) throw new Error("The response timeout must be a number of seconds.");
  return {
    wait_ms,
    basic: name ? { name, password } : null,
    allow,
    verified_only: verifiedOnly,
    give_secrets: giveSecrets,
    on_return: onReturn,
  };
}
