import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";

import { api, type Scenario } from "../../api/client";
import { useEndpoints, useProvider } from "../../api/queries";
import { ChoiceField, SelectField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { visible } from "../../ui/format";
import { tell } from "../../ui/toasts";
import { duration } from "./lasts";

const TIME_SCALES = [
  ["1", "×1"],
  ["10", "×10"],
  ["100", "×100"],
  ["100000", "At once"],
] as const;

interface Values {
  /** Id of an endpoint; empty for all endpoints of the vendor. */
  endpoint: string;
  /** URL of the endpoint to create, if the vendor has none. */
  url: string;
  time_scale: (typeof TIME_SCALES)[number][0];
  seed: string;
}

const FIRST: Values = { endpoint: "", url: "http://127.0.0.1:3000/webhook", time_scale: "1", seed: "" };

interface Props {
  scenario: Scenario;
  /** Seed that is entered first. */
  seed?: number;
  onClose: () => void;
}

/** The form that runs a scenario and opens the run. Without an endpoint of the vendor, the form creates one. */
export function RunForm({ scenario, seed: first, onClose }: Props) {
  const all = useEndpoints().data?.items;
  const endpoints = (all ?? []).filter(({ provider }) => provider === scenario.provider);
  const vendor = useProvider(scenario.provider).data?.name ?? scenario.provider;
  const [values, set] = useFormState<Values>({ ...FIRST, seed: first === undefined ? "" : String(first) });
  const { endpoint, url, time_scale, seed } = values;
  const navigate = useNavigate();
  const hasNone = all !== undefined && endpoints.length === 0;
  const { submit, error } = useSubmission(async () => {
    // The vendor may require https, which a local application rarely has.
    const made = hasNone && (await api.addEndpoint({ url, provider: scenario.provider, local_test: true }));
    const sent = await api.runScenario({
      scenario: scenario.id,
      time_scale: Number(time_scale),
      seed: seed === "" ? undefined : Number(seed),
      endpoints: made ? [made.id] : endpoint ? [endpoint] : undefined,
    });
    if (made) tell(`Endpoint of ${vendor} created`);
    onClose();
    await navigate({
      to: "/scenarios/{-$run}/{-$delivery}",
      params: { run: sent.run ?? undefined, delivery: undefined },
    });
  });
  if (!all) return null;
  return (
    <Form onSubmit={submit}>
      <p className="mb-3 text-ink-2">{visible(scenario.about)}</p>
      {hasNone ? (
        <TextField
          label="To"
          hint={`Creates an endpoint of ${vendor} with this URL.`}
          mono
          value={url}
          onChange={(now) => set({ url: now })}
        />
      ) : (
        <SelectField
          label="To"
          hint="Each endpoint gets the events it is subscribed to."
          value={endpoint}
          options={[
            ["", `All endpoints of ${vendor}`],
            ...endpoints.map(({ id, name, url: to }) => [id, visible(name || to)] as const),
          ]}
          onChange={(now) => set({ endpoint: now })}
        />
      )}
      <ChoiceField
        label="Speed"
        hint={
          time_scale === "100000"
            ? "All events are sent at once and may arrive in any order."
            : `Takes ${duration(scenario.duration_ms / Number(time_scale))}.`
        }
        value={time_scale}
        options={TIME_SCALES}
        onChange={(now) => set({ time_scale: now })}
      />
      <TextField
        label="Seed"
        hint="The same number generates the same values. Random if empty."
        inputMode="numeric"
        pattern="[0-9]*"
        className="max-w-40"
        value={seed}
        onChange={(now) => set({ seed: now })}
      />
      <FormEnd error={error} icon={Play}>
        Run
      </FormEnd>
    </Form>
  );
}
