import { useNavigate } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { useState } from "react";

import { api } from "../../api/client";
import { useEndpoints, useInboxes } from "../../api/queries";
import { CallError } from "../../platform";
import { Choice } from "../../ui/choice";
import { ChoiceField, NumberField, SelectField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { count } from "../../ui/format";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { OutgoingFields } from "../forward";
import { useSelection } from "../request";
import { firstValues, hostOf, isProbe, settingsOf, type Values, type Which } from "./replay-settings";

/** The requests that a replay can use. */
export interface Replayed {
  query: string;
  inbox: string | undefined;
  request: string | undefined;
}

interface Props {
  onClose: () => void;
  what: Replayed;
  many: boolean;
}

interface PartProps {
  values: Values;
  set: (change: Partial<Values>) => void;
}

const TIMES = [
  ["once", "Once"],
  ["twice", "Twice in sequence"],
  ["at_once", "Twice at once"],
] as const;

/** Returns the choices of requests to replay, and the current choice. */
function useWhich({ what, many }: Omit<Props, "onClose">) {
  const selected = [...useSelection()];
  const [chosen, choose] = useState<Which>();
  const options: (readonly [Which, string])[] = [];
  if (what.request) options.push(["one", "This request"]);
  if (selected.length) options.push(["selected", `${count(selected.length)} selected`]);
  options.push(["list", "This list"]);
  const usual = many && selected.length ? "selected" : many || !what.request ? "list" : "one";
  const which: Which = chosen ?? usual;
  const requests = which === "one" ? [what.request!] : selected;
  return { which, options, choose, requests: which === "list" ? undefined : requests };
}

export function ReplayForm({ onClose, what, many }: Props) {
  const navigate = useNavigate();
  const { which, options, choose, requests } = useWhich({ what, many });
  const inbox = useInboxes().data?.items.find(({ name }) => name === what.inbox);
  const endpoints = useEndpoints().data?.items ?? [];
  const [values, set] = useFormState<Values>(() => firstValues(inbox));
  /** Remote host that the user confirms by submitting again. */
  const [confirm, setConfirm] = useState<string>();
  const one = which === "one";
  const { submit, error } = useSubmission(async () => {
    try {
      const replay = await api.beginReplay({
        ...(requests ? { requests } : { query: what.query, inbox: what.inbox }),
        settings: settingsOf(values, which),
        confirm,
      });
      onClose();
      // A toast announces the response to one request. The page of the replay compares two responses.
      if (isProbe(which, values.times)) void navigate({ to: "/replays/{-$replay}", params: { replay: replay.id } });
      else if (!one) tell(`Replay started: ${replay.url}`);
    } catch (failure) {
      if (failure instanceof CallError && failure.code === "confirm_host") setConfirm(hostOf(values, endpoints));
      throw failure;
    }
  });
  return (
    <Form onSubmit={submit}>
      {options.length > 1 && (
        <div className="mb-4">
          <Choice label="Requests" value={which} options={options} onChange={choose} />
        </div>
      )}
      {which === "list" && (
        <p className="mb-3 text-ink-2">{`Sends ${what.query ? "the requests that match the search" : "all requests"}${what.inbox ? ` in ${what.inbox}` : ""}, ${values.newestFirst ? "newest" : "oldest"} first.`}</p>
      )}
      <TargetFields values={values} set={set} onUrl={() => setConfirm(undefined)} />
      <OutgoingFields
        value={values.outgoing}
        onChange={(change) => set({ outgoing: { ...values.outgoing, ...change } })}
      />
      {one ? <TimesField values={values} set={set} /> : <FlowFields values={values} set={set} />}
      <FormEnd error={error} icon={Send}>
        {confirm ? "Confirm and send" : one ? "Send" : "Send all"}
      </FormEnd>
    </Form>
  );
}

/** Fields for the target and for re-signing. */
function TargetFields({ values: { endpoint, url, reSign }, set, onUrl }: PartProps & { onUrl: () => void }) {
  const endpoints = useEndpoints().data?.items ?? [];
  return (
    <>
      {endpoints.length > 0 && (
        <SelectField
          label="To"
          value={endpoint}
          options={[["", "A URL"], ...endpoints.map((one) => [one.id, one.name || one.url] as const)]}
          onChange={(now) => set({ endpoint: now })}
        />
      )}
      {!endpoint && (
        <TextField
          label="URL"
          hint="The part of the path after the inbox name is appended."
          mono
          value={url}
          placeholder="http://localhost:3000/webhooks"
          onChange={(now) => {
            set({ url: now });
            onUrl();
          }}
        />
      )}
      <Switch
        label="Re-sign"
        hint={`Signs with the secret of the ${endpoint ? "endpoint" : "inbox"} and a new timestamp. If off, the request is sent unchanged.`}
        checked={reSign}
        onChange={(now) => set({ reSign: now })}
      />
    </>
  );
}

function TimesField({ values: { times }, set }: PartProps) {
  return (
    <ChoiceField
      label="Send"
      hint="Send twice to test whether the handler is idempotent. Both responses are compared."
      value={times}
      options={TIMES}
      onChange={(now) => set({ times: now })}
    />
  );
}

/** Fields for rate, concurrency and order. */
function FlowFields({ values: { rate, concurrency, stopsOnFailure, newestFirst }, set }: PartProps) {
  return (
    <>
      <div className="flex gap-4">
        <NumberField
          label="Requests per second"
          hint="Unlimited if empty."
          min={0.001}
          step="any"
          value={rate}
          onChange={(now) => set({ rate: now })}
        />
        <NumberField
          label="Concurrency"
          hint="1 keeps the order."
          required
          min={1}
          max={256}
          value={concurrency}
          onChange={(now) => set({ concurrency: now ?? 0 })}
        />
      </div>
      <Switch
        label="Stop on failure"
        hint="Stops at the first response that is not 2xx."
        checked={stopsOnFailure}
        onChange={(now) => set({ stopsOnFailure: now })}
      />
      <Switch label="Newest first" checked={newestFirst} onChange={(now) => set({ newestFirst: now })} />
    </>
  );
}
