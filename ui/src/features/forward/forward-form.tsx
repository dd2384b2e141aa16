/** The form of a forward: target, mode, retries and outgoing changes. */
import { useState } from "react";

import type { Forward, InboxResponse } from "../../api/client";
import { inWords } from "../../platform";
import { Choice } from "../../ui/choice";
import { NumberField, TextAreaField, TextField } from "../../ui/field";
import { Switch } from "../../ui/switch";
import { POLICY } from "../endpoint";
import { EMPTY_RESPONSE, When } from "../response-rules";
import { OutgoingFields } from "./outgoing-form";
import { TransformFields } from "./transform-form";

const FALLBACK: InboxResponse = {
  ...EMPTY_RESPONSE,
  status: 502,
  body: "The app did not respond.\n",
};

const SCHEDULE = POLICY.find(({ field }) => field === "schedule")!;

interface Props {
  forward: Forward;
  onChange: (to: Partial<Forward>) => void;
}

export function ForwardFields({ forward, number, onChange }: Props & { number: number }) {
  const of = ` of forward ${number}`;
  return (
    <>
      <TextField
        label="To"
        hint="The part of the path after the inbox name is appended."
        mono
        value={forward.to}
        placeholder="http://localhost:3000/webhooks"
        onChange={(to) => onChange({ to })}
      />
      <When value={forward.when ?? ""} onChange={(when) => onChange({ when })} />
      <div className="mb-3">
        <Choice
          label="Mode"
          value={forward.mode ?? "mirror"}
          options={[
            ["mirror", "Mirror"],
            ["proxy", "Proxy"],
          ]}
          onChange={(mode) => onChange({ mode })}
        />
      </div>
      {forward.mode === "proxy" ? (
        <ProxyFields forward={forward} onChange={onChange} />
      ) : (
        <Retries schedule={forward.retries ?? null} of={of} onChange={(retries) => onChange({ retries })} />
      )}
      <Switch
        label="Re-sign"
        hint="Signs with the secret of the inbox and a new timestamp."
        checked={forward.re_sign ?? false}
        onChange={(re_sign) => onChange({ re_sign })}
      />
      <OutgoingFields value={forward} of={of} onChange={onChange} />
      <TransformFields value={forward.transform} of={of} onChange={(transform) => onChange({ transform })} />
    </>
  );
}

/** Fields of the proxy mode: the deadline and the fallback response. */
function ProxyFields({ forward, onChange }: Props) {
  const fallback = forward.fallback ?? FALLBACK;
  return (
    <>
      <div className="flex gap-4">
        <NumberField
          label="App deadline (ms)"
          hint="After this time the sender gets the fallback response."
          required
          min={1}
          value={forward.deadline_ms ?? 9_000}
          onChange={(now) => onChange({ deadline_ms: now ?? 0 })}
        />
        <NumberField
          label="Fallback status"
          required
          min={200}
          max={599}
          value={fallback.status}
          onChange={(now) => onChange({ fallback: { ...fallback, status: now ?? 0 } })}
        />
      </div>
      <TextAreaField
        label="Fallback body"
        rows={2}
        value={fallback.body}
        onChange={(body) => onChange({ fallback: { ...fallback, body } })}
      />
    </>
  );
}

/** The retry schedule as text. */
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
  const change = (now: string): void => {
    setText(now);
    try {
      onChange(now.trim() ? (SCHEDULE.read!(now) as Forward["retries"]) : null);
      setError(undefined);
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  return (
    <TextField
      label={`Retry schedule${of}`}
      hint={SCHEDULE.hint}
      error={error}
      value={text}
      placeholder="no retries"
      onChange={change}
    />
  );
}
