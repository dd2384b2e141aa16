import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { api, type Endpoint } from "../api/client";
import { Choice, Dialog, Field, FormEnd, INPUT } from "../parts/controls";
import { tell } from "../parts/toasts";
import { inWords } from "../platform";

/** An event with its payload, sent to one endpoint or to all that take it. */
export function SendEvent({ endpoint, open, onClose }: { endpoint: Endpoint; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Send an event" open={open} onClose={onClose} wide>
      <Form endpoint={endpoint} onClose={onClose} />
    </Dialog>
  );
}

function Form({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const file = useQuery({ queryKey: ["provider", endpoint.provider], queryFn: () => api.provider(endpoint.provider), staleTime: Infinity }).data;
  const events = file?.sending?.events ?? [];
  const [kind, setKind] = useState("");
  const [payload, setPayload] = useState("");
  const [to, setTo] = useState<"one" | "all">("one");
  const [number, setNumber] = useState(1);
  const [rate, setRate] = useState<number>();
  const [error, setError] = useState<string>();
  const type = kind || events[0]?.type || "";
  const event = events.find((one) => one.type === type);
  useEffect(() => setPayload(event ? JSON.stringify(event.sample, null, 2) : "{}"), [event]);
  const traps = file?.sending?.traps.filter((trap) => trap.events.length === 0 || trap.events.includes(type)) ?? [];

  const send = async (): Promise<void> => {
    try {
      const parsed: unknown = JSON.parse(payload);
      const sent = await api.sendEvent({ provider: endpoint.provider, type, payload: parsed, count: number, rate, endpoints: to === "one" ? [endpoint.id] : undefined });
      tell(sent.deliveries.length === 1 ? `${type} is on its way` : `${sent.events.length} events are on their way`);
      onClose();
    } catch (failure) {
      setError(failure instanceof SyntaxError ? `The payload is no JSON: ${failure.message}.` : inWords(failure));
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
      <Field label="Payload" hint={event ? `{{…}} are made up, anew for each event. ${event.stated.length ? `The vendor states ${event.stated.length} of the fields; the others are assumed.` : "The vendor shows no fields; all of them are assumed."}` : "JSON."}>
        {(props) => <textarea {...props} rows={12} spellCheck={false} className={`${INPUT} h-auto! py-1 font-mono text-data`} value={payload} onChange={(change) => setPayload(change.target.value)} />}
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
        <Field label="How many">{(props) => <input {...props} type="number" min={1} max={10_000} className={`${INPUT} w-24!`} value={number} onChange={(change) => setNumber(change.target.valueAsNumber || 1)} />}</Field>
        {number > 1 && <Field label="A second">{(props) => <input {...props} type="number" min={0.1} step="any" placeholder="at once" className={`${INPUT} w-24!`} value={rate ?? ""} onChange={(change) => setRate(change.target.valueAsNumber || undefined)} />}</Field>}
      </div>
      <FormEnd error={error} keys="Ctrl+Enter">Send</FormEnd>
    </form>
  );
}
