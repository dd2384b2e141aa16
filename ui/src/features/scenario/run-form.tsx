import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";

import { api, type Scenario } from "../../api/client";
import { useEndpoints } from "../../api/queries";
import { Button } from "../../ui/button";
import { ChoiceField, SelectField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { visible } from "../../ui/format";
import { tell } from "../../ui/toasts";
import { lasts } from "./lasts";

const SPEEDS = [
  ["1", "As written"],
  ["10", "×10"],
  ["100", "×100"],
  ["100000", "At once"],
] as const;

interface Values {
  /** Empty for every endpoint of the vendor. */
  endpoint: string;
  speed: (typeof SPEEDS)[number][0];
  seed: string;
}

const FIRST: Values = { endpoint: "", speed: "1", seed: "" };

/** Runs a scenario, or says what is missing for it. */
export function RunForm({ scenario, onClose }: { scenario: Scenario; onClose: () => void }) {
  const endpoints = (useEndpoints().data?.items ?? []).filter(({ provider }) => provider === scenario.provider);
  const [{ endpoint, speed, seed }, set] = useFormState(FIRST);
  const navigate = useNavigate();
  const showEndpoint = (id: string | undefined): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: id, delivery: undefined } });
  const { submit, error } = useSubmission(async () => {
    const sent = await api.runScenario({
      scenario: scenario.id,
      speed: Number(speed),
      seed: seed === "" ? undefined : Number(seed),
      endpoints: endpoint ? [endpoint] : undefined,
    });
    tell(`${sent.events.length} events are on their way`);
    onClose();
    if (endpoint || endpoints.length === 1) showEndpoint(endpoint || endpoints[0]!.id);
    else void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: undefined } });
  });
  if (endpoints.length === 0) {
    return (
      <>
        <p className="mb-4">There is no endpoint of {scenario.provider} yet: an address it can be sent to.</p>
        <Button look="primary" onClick={() => showEndpoint(undefined)}>
          Make one
        </Button>
      </>
    );
  }
  return (
    <Form onSubmit={submit}>
      <p className="mb-3 text-ink-2">{visible(scenario.about)}</p>
      <SelectField
        label="To"
        hint="Each endpoint gets the events it takes."
        value={endpoint}
        options={[
          ["", `All endpoints of ${scenario.provider}`],
          ...endpoints.map(({ id, name, url }) => [id, visible(name || url)] as const),
        ]}
        onChange={(now) => set({ endpoint: now })}
      />
      <ChoiceField
        label="Its gaps"
        hint={
          speed === "100000"
            ? "All of them leave at once; receivers may get them in any order."
            : `It takes ${lasts(scenario.lasts_ms / Number(speed))}.`
        }
        value={speed}
        options={SPEEDS}
        onChange={(now) => set({ speed: now })}
      />
      <TextField
        label="Seed"
        hint="The same number makes the same values again; empty makes new ones."
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
