/** One forward: where requests go on to, and whether the sender waits for what is answered there. */
import { useState } from "react";

import type { Forward, InboxResponse } from "../../api/client";
import { OutgoingFields } from "./outgoing-form";
import { Choice } from "../../ui/choice";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { NumberInput } from "../../ui/input";
import { POLICY } from "../endpoint";
import { ANSWER, When } from "../response-rules";

const FALLBACK: InboxResponse = { ...ANSWER, status: 502, body: "The app behind this address did not answer.\n" };

const SCHEDULE = POLICY.find(({ field }) => field === "schedule")!;

export function ForwardFields({
  forward,
  number,
  onChange,
}: {
  forward: Forward;
  number: number;
  onChange: (to: Partial<Forward>) => void;
}) {
  const of = ` of forward ${number}`;
  const fallback = forward.fallback ?? FALLBACK;
  return (
    <>
      <Field label="To" hint="What stands behind the inbox's name in a path is put behind it.">
        {(props) => (
          <input
            {...props}
            className={`${INPUT} font-mono text-data`}
            value={forward.to}
            placeholder="http://localhost:3000/webhooks"
            spellCheck={false}
            onChange={(event) => onChange({ to: event.target.value })}
          />
        )}
      </Field>
      <When value={forward.when ?? ""} onChange={(when) => onChange({ when })} />
      <div className="mb-3">
        <Choice
          label="Mode"
          value={forward.mode ?? "copy"}
          options={[
            ["copy", "Copy, behind the answer"],
            ["answer", "Answer as the app does"],
          ]}
          onChange={(mode) => onChange({ mode })}
        />
      </div>
      {forward.mode === "answer" ? (
        <>
          <div className="flex gap-4">
            <Field label="Wait for the app, in ms" hint="Then the sender gets the fallback.">
              {(props) => (
                <NumberInput
                  {...props}
                  required
                  min={1}
                  value={forward.deadline_ms ?? 9_000}
                  onChange={(now) => onChange({ deadline_ms: now ?? 0 })}
                />
              )}
            </Field>
            <Field label="Fallback status">
              {(props) => (
                <NumberInput
                  {...props}
                  required
                  min={200}
                  max={599}
                  value={fallback.status}
                  onChange={(now) => onChange({ fallback: { ...fallback, status: now ?? 0 } })}
                />
              )}
            </Field>
          </div>
          <Field label="Fallback body">
            {(props) => (
              <textarea
                {...props}
                rows={2}
                spellCheck={false}
                className={`${INPUT} h-auto! py-1 font-mono text-data`}
                value={fallback.body}
                onChange={(event) => onChange({ fallback: { ...fallback, body: event.target.value } })}
              />
            )}
          </Field>
        </>
      ) : (
        <Retries schedule={forward.retries ?? null} of={of} onChange={(retries) => onChange({ retries })} />
      )}
      <Switch
        label="Sign anew"
        hint="With the inbox's secret and a new timestamp."
        checked={forward.resign ?? false}
        onChange={(resign) => onChange({ resign })}
      />
      <OutgoingFields value={forward} of={of} onChange={onChange} />
    </>
  );
}

/** When a copy that failed is tried again, as text. */
function Retries({
  schedule,
  of,
  onChange,
}: {
  schedule: NonNullable<Forward["retries"]> | null;
  of: string;
  onChange: (now: Forward["retries"]) => void;
}) {
  const [text, setText] = useState(schedule ? SCHEDULE.write!(schedule as never) : "");
  const [error, setError] = useState<string>();
  return (
    <Field label={`Tried again after${of}`} hint={SCHEDULE.hint} error={error}>
      {(props) => (
        <input
          {...props}
          className={INPUT}
          value={text}
          placeholder="not tried again"
          onChange={(event) => {
            setText(event.target.value);
            try {
              onChange(event.target.value.trim() ? (SCHEDULE.read!(event.target.value) as Forward["retries"]) : null);
              setError(undefined);
            } catch (failure) {
              setError(String(failure instanceof Error ? failure.message : failure));
            }
          }}
        />
      )}
    </Field>
  );
}
