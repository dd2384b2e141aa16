import { useState } from "react";

import type { Forward, Inbox, Rule } from "../../api/client";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { Form, FormEnd, useSubmission } from "../../ui/form";
import { ForwardFields } from "../forward";
import { RuleFields } from "../response-rules";

/** The rule or forward that is edited: one of the list by its place, or a new one. */
export type Edited =
  | { type: "rule"; place: number }
  | { type: "rule"; fresh: Rule }
  | { type: "forward"; place: number }
  | { type: "forward"; fresh: Forward };

interface Props {
  inbox: Inbox;
  edited: Edited | undefined;
  onClose: () => void;
  /** Save the rules or the forwards. They throw the error of the API. */
  onRules: (now: Rule[], title: string) => Promise<void>;
  onForwards: (now: Forward[], title: string) => Promise<void>;
}

export function EditDialog({ edited, ...rest }: Props) {
  const title = edited && `${"fresh" in edited ? "New" : "Edit"} ${edited.type}`;
  return (
    <Dialog title={title ?? ""} open={edited !== undefined} onClose={rest.onClose} wide>
      {edited?.type === "rule" && <RuleForm edited={edited} {...rest} />}
      {edited?.type === "forward" && <ForwardForm edited={edited} {...rest} />}
    </Dialog>
  );
}

/** Adds `http://` to an address such as `localhost:3000/webhooks`. */
const withScheme = (to: string): string => (to.trim() && !to.includes("://") ? `http://${to.trim()}` : to.trim());

type Part = Omit<Props, "edited">;

function RuleForm({ inbox, edited, onClose, onRules }: Part & { edited: Extract<Edited, { type: "rule" }> }) {
  const { rules } = inbox;
  const [rule, setRule] = useState<Rule>(() => ("fresh" in edited ? edited.fresh : rules[edited.place]!));
  const change = (to: Partial<Rule>): void => setRule((now) => ({ ...now, ...to }));
  const { submit, error } = useSubmission(async () => {
    await onRules("fresh" in edited ? [...rules, rule] : rules.with(edited.place, rule), "Rule saved");
    onClose();
  });
  return (
    <Form onSubmit={submit}>
      <TextField label="Name" value={rule.name ?? ""} onChange={(name) => change({ name })} />
      <RuleFields rule={rule} onChange={change} />
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}

function ForwardForm({ inbox, edited, onClose, onForwards }: Part & { edited: Extract<Edited, { type: "forward" }> }) {
  const { forwards } = inbox;
  const [forward, setForward] = useState<Forward>(() => ("fresh" in edited ? edited.fresh : forwards[edited.place]!));
  const change = (to: Partial<Forward>): void => setForward((now) => ({ ...now, ...to }));
  const { submit, error } = useSubmission(async () => {
    const given = { ...forward, to: withScheme(forward.to) };
    await onForwards("fresh" in edited ? [...forwards, given] : forwards.with(edited.place, given), "Forward saved");
    onClose();
  });
  return (
    <Form onSubmit={submit}>
      <TextField label="Name" value={forward.name ?? ""} onChange={(name) => change({ name })} />
      <ForwardFields forward={forward} number={1} onChange={change} />
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}
