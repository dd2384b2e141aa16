import { useEffect } from "react";

import { api, type Endpoint, type ProviderFile } from "../../api/client";
import { useProvider } from "../../api/queries";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ChoiceField, NumberField, SelectField, TextAreaField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { attempt, tell } from "../../ui/toasts";
import { eventBody } from "./event-payload";

type EventKind = NonNullable<ProviderFile["sending"]>["events"][number];

interface Values {
  /** Event type; empty for the first event of the vendor. */
  kind: string;
  payload: string;
  to: "one" | "all";
  number: number | undefined;
  rate: number | undefined;
}

const FIRST: Values = { kind: "", payload: "", to: "one", number: 1, rate: undefined };

/** The dialog that sends an event to one endpoint or to all subscribed ones. */
export function SendEvent({ endpoint, open, onClose }: { endpoint: Endpoint; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Send event" open={open} onClose={onClose} wide>
      <EventForm endpoint={endpoint} onClose={onClose} />
    </Dialog>
  );
}

/** Returns the help text of the payload. */
function payloadHint(event: EventKind | undefined): string {
  if (!event) return "The payload must be JSON.";
  const stated = event.stated.length
    ? `The vendor documents ${event.stated.length} of the fields; the others are assumed.`
    : "The vendor documents no fields; all are assumed.";
  return `{{…}} placeholders get a generated value for each event. ${stated}`;
}

/** Announces the events that were sent. */
function tellSent(type: string, { events, deliveries }: Awaited<ReturnType<typeof api.sendEvent>>): void {
  const skipped = deliveries.filter(({ state }) => state === "skipped" || state === "filtered");
  if (skipped.length > 0 && skipped.length === deliveries.length)
    tell(`Not sent: ${skipped[0]!.reason ?? "the endpoint is not subscribed to this event"}`);
  else tell(deliveries.length === 1 ? `Sending ${type}` : `Sending ${events.length} events`);
}

function EventForm({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const sending = useProvider(endpoint.provider).data?.sending;
  const events = sending?.events ?? [];
  const [{ kind, payload, to, number, rate }, set] = useFormState(FIRST);
  const type = kind || events[0]?.type || "";
  const event = events.find((one) => one.type === type);
  const sample = event ? JSON.stringify(event.sample, null, 2) : "{}";
  useEffect(() => set({ payload: sample }), [sample, set]);
  const traps = sending?.traps.filter((trap) => trap.events.length === 0 || trap.events.includes(type)) ?? [];
  const { submit, error } = useSubmission(async () => {
    const sent = await api.sendEvent({
      provider: endpoint.provider,
      type,
      ...eventBody(payload, event && sample),
      count: number,
      rate,
      endpoints: to === "one" ? [endpoint.id] : undefined,
    });
    tellSent(type, sent);
    onClose();
  });
  return (
    <Form
      onSubmit={submit}
      onKeyDown={(pressed) => pressed.key === "Enter" && (pressed.ctrlKey || pressed.metaKey) && void submit()}
    >
      {!endpoint.state.enabled && to === "one" && (
        <p role="alert" className="mb-4 flex flex-wrap items-center gap-3 text-warning">
          This endpoint is disabled: events are stored as skipped and not sent.
          <Button onClick={() => void attempt(api.changeEndpoint(endpoint.id, { enabled: true }))}>Enable</Button>
        </p>
      )}
      {events.length > 0 ? (
        <SelectField
          label="Event"
          hint={event?.about}
          value={type}
          options={events.map((one) => [one.type, one.type] as const)}
          onChange={(now) => set({ kind: now })}
        />
      ) : (
        <TextField label="Event" value={kind} onChange={(now) => set({ kind: now })} />
      )}
      <TextAreaField
        label="Payload"
        hint={payloadHint(event)}
        rows={12}
        value={payload}
        onChange={(now) => set({ payload: now })}
      />
      {traps.map(({ warning }) => (
        <p key={warning} className="mb-3 text-warning">
          {warning}
        </p>
      ))}
      <AmountFields to={to} number={number} rate={rate} set={set} />
      <FormEnd error={error} keys="Ctrl+Enter">
        Send
      </FormEnd>
    </Form>
  );
}

/** Fields for the endpoints, the number and the rate of events. */
function AmountFields({
  to,
  number,
  rate,
  set,
}: Pick<Values, "to" | "number" | "rate"> & { set: (change: Partial<Values>) => void }) {
  return (
    <div className="flex flex-wrap items-end gap-4">
      <ChoiceField
        label="To"
        value={to}
        options={[
          ["one", "This endpoint"],
          ["all", "All subscribed"],
        ]}
        onChange={(now) => set({ to: now })}
      />
      <NumberField
        label="Count"
        required
        min={1}
        max={10_000}
        className="w-24!"
        value={number}
        onChange={(now) => set({ number: now })}
      />
      {(number ?? 1) > 1 && (
        <NumberField
          label="Events per second"
          min={0.1}
          step="any"
          placeholder="at once"
          className="w-24!"
          value={rate}
          onChange={(now) => set({ rate: now })}
        />
      )}
    </div>
  );
}
