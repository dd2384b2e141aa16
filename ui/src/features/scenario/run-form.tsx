import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";

import { api, type Scenario } from "../../api/client";
import { useEndpoints } from "../../api/queries";
import { Button } from "../../ui/button";
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
  time_scale: (typeof TIME_SCALES)[number][0];
  seed: string;
}

const FIRST: Values = { endpoint: "", time_scale: "1", seed: "" };

/** The form that runs a scenario. Without an endpoint of the vendor, a link to create one. */
export function RunForm({ scenario, onClose }: { scenario: Scenario; onClose: () => void }) {
  const endpoints = (useEndpoints().data?.items ?? []).filter(({ provider }) => provider === scenario.provider);
  const [{ endpoint, time_scale, seed }, set] = useFormState(FIRST);
  const navigate = useNavigate();
  const showEndpoint = (id: string | undefined): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: id, delivery: undefined } });
  const { submit, error } = useSubmission(async () => {
    const sent = await api.runScenario({
      scenario: scenario.id,
      time_scale: Number(time_scale),
      seed: seed === "" ? undefined : Number(seed),
      endpoints: endpoint ? [endpoint] : undefined,
    });
    tell(`Sending ${sent.events.length} events`);
    onClose();
    if (endpoint || endpoints.length === 1) showEndpoint(endpoint || endpoints[0]!.id);
    else void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: undefined } });
  });
  if (endpoints.length === 0) {
    return (
      <>
        <p className="mb-4">No endpoint sends as {scenario.provider} yet.</p>
        <Button look="primary" onClick={() => showEndpoint(undefined)}>
          Create endpoint
        </Button>
      </>
    );
  }
  return (
    <Form onSubmit={submit}>
      <p className="mb-3 text-ink-2">{visible(scenario.about)}</p>
      <SelectField
        label="To"
        hint="Each endpoint gets the events it is subscribed to."
        value={endpoint}
        options={[
          ["", `All endpoints of ${scenario.provider}`],
          ...endpoints.map(({ id, name, url }) => [id, visible(name || url)] as const),
        ]}
        onChange={(now) => set({ endpoint: now })}
      />
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
