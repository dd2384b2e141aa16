/** The response rules and the forwards of an inbox. */
import { api, type Forward, type Inbox, type Rule } from "../../api/client";
import { Dialog } from "../../ui/dialog";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { ForwardFields } from "../forward";
import { Entries, entry, newRule, RuleFields, unreachable, type Entry } from "../response-rules";

export function RulesDialog({ inbox, open, onClose }: { inbox: Inbox; open: boolean; onClose: () => void }) {
  return (
    <Dialog title={`Response rules and forwards of ${inbox.name}`} open={open} onClose={onClose} wide>
      <RulesForm inbox={inbox} onClose={onClose} />
    </Dialog>
  );
}

interface Values {
  rules: Entry<Rule>[];
  forwards: Entry<Forward>[];
  byPath: boolean;
}

const valuesOf = ({ rules, forwards, status_by_path }: Inbox): Values => ({
  rules: rules.map(entry),
  forwards: forwards.map(entry),
  byPath: status_by_path,
});

/** The form. It exists only while the dialog is open, so that changes of the inbox never overwrite the input. */
function RulesForm({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [{ rules, forwards, byPath }, set] = useFormState<Values>(() => valuesOf(inbox));
  const { submit, error } = useSubmission(async () => {
    await api.changeInbox(inbox.name, {
      rules: rules.map(({ value }) => value),
      forwards: forwards.map(({ value }) => value),
      status_by_path: byPath,
    });
    onClose();
    tell("Response rules and forwards saved");
  });
  return (
    <Form onSubmit={submit}>
      <p className="mb-3 text-ink-2">
        The first matching rule sends its response. If no rule matches, a proxy forward returns the response of its app.
        Otherwise the inbox sends its default response.
      </p>
      <h3 className="mb-2 font-semibold">Response rules</h3>
      <Entries what="rule" entries={rules} fresh={newRule} onChange={(now) => set({ rules: now })}>
        {(rule, change) => <RuleFields rule={rule} onChange={change} />}
      </Entries>
      {unreachable(rules.map(({ value }) => value)).map(([rule, earlier]) => (
        <p key={rule} role="status" className="mb-2 text-warning">
          Rule {rule + 1} is never reached, because rule {earlier + 1} responds first.
        </p>
      ))}
      <Switch
        label="Status by path"
        hint={`/${inbox.name}/status/503 responds with 503.`}
        checked={byPath}
        onChange={(now) => set({ byPath: now })}
      />
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">Forwards</h3>
      <Entries
        what="forward"
        entries={forwards}
        fresh={(): Forward => ({ to: "" })}
        onChange={(now) => set({ forwards: now })}
      >
        {(forward, change, number) => <ForwardFields forward={forward} number={number} onChange={change} />}
      </Entries>
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}
