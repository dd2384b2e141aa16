import { useEffect, useState } from "react";

import { api, type Endpoint } from "../../api/client";
import { useProvider } from "../../api/queries";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { NumberInput } from "../../ui/input";
import { attempt, tell } from "../../ui/toasts";
import { inWords } from "../../platform";

/** An event with its payload, sent to one endpoint or to all that take it. */
export function SendEvent({ endpoint, open, onClose }: { endpoint: Endpoint; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Send an event" open={open} onClose={onClose} wide>
      <Form endpoint={endpoint} onClose={onClose} />
    </Dialog>
  );
}

function Form({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const file = useProvider(endpoint.provider).data;
  const events = file?.sending?.events ?? [];
  const [kind, setKind] = useState("");
  const [payload, setPayload] = useState("");
  const [to, setTo] = useState<"one" | "all">("one");
  const [number, setNumber] = useState<number | undefined>(1);
  const [rate, setRate] = useState<number>();
  const [error, setError] = useState<string>();
  const type = kind || events[0]?.type || "";
  const event = events.find((one) => one.type === type);
  const sample = event ? JSON.stringify(event.sample, null, 2) : "{}";
  useEffect(() => setPayload(sample), [sample]);
  const traps = file?.sending?.traps.filter((trap) => trap.events.length === 0 || trap.events.includes(type)) ?? [];

  const send = async (): Promise<void> => {
    try {
      JSON.parse(payload);
      // The vendor's own sample leaves as the vendor writes it; what was typed leaves as it was typed.
      const own = event && payload === sample ? {} : { body: payload, fill: true };
      const sent = await api.sendEvent({
        provider: endpoint.provider,
        type,
        ...own,
        count: number,
        rate,
        endpoints: to === "one" ? [endpoint.id] : undefined,
      });
      const skipped = sent.deliveries.filter(({ state }) => state === "skipped" || state === "filtered");
      if (skipped.length > 0 && skipped.length === sent.deliveries.length)
        tell(`Not sent: ${skipped[0]!.reason ?? "the endpoint does not take it"}`);
      else
        tell(sent.deliveries.length === 1 ? `${type} is on its way` : `${sent.events.length} events are on their way`);
      onClose();
    } catch (failure) {
      setError(failure instanceof SyntaxError ? `The payload is not JSON: ${failure.message}.` : inWords(failure));
    }
  };

  return (
    <form
      onSubmit={(submitted) => {
        submitted.preventDefault();
        void send();
      }}
      onKeyDown={(pressed) => pressed.key === "Enter" && (pressed.ctrlKey || pressed.metaKey) && void send()}
    >
      {!endpoint.state.enabled && to === "one" && (
        <p role="alert" className="mb-4 flex flex-wrap items-center gap-3 text-warning">
          This endpoint is disabled: an event is stored as skipped and not sent.
          <Button onClick={() => void attempt(api.changeEndpoint(endpoint.id, { enabled: true }))}>Enable</Button>
        </p>
      )}
      <Field label="Event" hint={event?.about}>
        {(props) =>
          events.length > 0 ? (
            <select {...props} className={INPUT} value={type} onChange={(change) => setKind(change.target.value)}>
              {events.map((one) => (
                <option key={one.type}>{one.type}</option>
              ))}
            </select>
          ) : (
            <input {...props} className={INPUT} value={kind} onChange={(change) => setKind(change.target.value)} />
          )
        }
      </Field>
      <Field
        label="Payload"
        hint={
          event
            ? `{{…}} are made up, anew for each event. ${event.stated.length ? `The vendor states ${event.stated.length} of the fields; the others are assumed.` : "The vendor shows no fields; all of them are assumed."}`
            : "JSON."
        }
      >
        {(props) => (
          <textarea
            {...props}
            rows={12}
            spellCheck={false}
            className={`${INPUT} h-auto! py-1 font-mono text-data`}
            value={payload}
            onChange={(change) => setPayload(change.target.value)}
          />
        )}
      </Field>
      {traps.map(({ warning }) => (
        <p key={warning} className="mb-3 text-warning">
          {warning}
        </p>
      ))}
      <div className="flex flex-wrap items-end gap-4">
        <div className="mb-4">
          <span className="mb-1 block font-medium">To</span>
          <Choice
            label="To"
            value={to}
            options={[
              ["one", "This endpoint"],
              ["all", "All that take it"],
            ]}
            onChange={setTo}
          />
        </div>
        <Field label="How many">
          {(props) => (
            <NumberInput
              {...props}
              required
              min={1}
              max={10_000}
              className="w-24!"
              value={number}
              onChange={(now) => setNumber(now)}
            />
          )}
        </Field>
        {(number ?? 1) > 1 && (
          <Field label="A second">
            {(props) => (
              <NumberInput
                {...props}
                min={0.1}
                step="any"
                placeholder="at once"
                className="w-24!"
                value={rate}
                onChange={setRate}
              />
            )}
          </Field>
        )}
      </div>
      <FormEnd error={error} keys="Ctrl+Enter">
        Send
      </FormEnd>
    </form>
  );
}
