/** The settings of an endpoint as form values. */
import type { Endpoint, EndpointSettings } from "../../api/client";

export const NEW_ENDPOINT: EndpointSettings = {
  url: "http://127.0.0.1:3000/webhook",
  provider: "onwebchat",
  name: "",
  account: "",
  events: null,
  secrets: [],
  headers: [],
  local_test: false,
};

const SETTINGS = [
  "name",
  "url",
  "provider",
  "scheme",
  "account",
  "events",
  "signed",
  "secrets",
  "params",
  "headers",
  "policy",
  "local_test",
  "trusted_certificate",
  "concurrency",
  "rate",
  "time_scale",
  "paused",
] as const satisfies readonly (keyof EndpointSettings)[];

/** Causes a compile error if a setting is missing above. The form does not edit client certificates. */
type Missing = Exclude<keyof EndpointSettings, (typeof SETTINGS)[number] | "client_certificate">;
true satisfies [Missing] extends [never] ? true : Missing;

/** Returns the settings of an endpoint, without its state. */
export const settingsOf = (endpoint: Endpoint): EndpointSettings =>
  Object.fromEntries(SETTINGS.map((setting) => [setting, endpoint[setting]])) as unknown as EndpointSettings;
