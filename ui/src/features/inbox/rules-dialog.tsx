/** An inbox's rules and forwards: which requests are answered in another way, and where they go on to. */
import { useState } from "react";

import { api, type Forward, type Inbox, type Rule } from "../../api/client";
import { Dialog } from "../../ui/dialog";
import { FormEnd } from "../../ui/form";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { inWords } from "../../platform/platform";
import { ForwardFields } from "../forward";
import { Entries, entry, newRule, RuleFields, type Entry } from "../response-rules";

export function RulesDialog({ inbox, open, onClose }: { inbox: Inbox; open: boolean; onClose: () => void }) {
  return (
    <Dialog title={`Rules and forwards of ${inbox.name}`} open={open} onClose={onClose} wide>
      <RulesForm inbox={inbox} onClose={onClose} />
    </Dialog>
  );
}

/** Stands only while the dialog is open, so that nothing writes over what is being typed. */
function RulesForm({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [rules, setRules] = useState<Entry<Rule>[]>(() => inbox.rules.map(entry));
  const [forwards, setForwards] = useState<Entry<Forward>[]>(() => inbox.forwards.map(entry));
  const [byPath, setByPath] = useState(inbox.status_by_path);
  const [error, setError] = useState<string>();
  const save = async (): Promise<void> => {
    try {
      await api.changeInbox(inbox.name, {
        rules: rules.map(({ value }) => value),
        forwards: forwards.map(({ value }) => value),
        status_by_path: byPath,
      });
      onClose();
      tell("Rules and forwards saved");
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <p className="mb-3 text-ink-2">
        The first rule that matches answers. What no rule answers goes to a forward that asks its app, else the inbox
        answers.
      </p>
      <h3 className="mb-2 font-semibold">Rules</h3>
      <Entries what="rule" entries={rules} fresh={newRule} onChange={setRules}>
        {(rule, change) => <RuleFields rule={rule} onChange={change} />}
      </Entries>
      <Switch
        label="Status by path"
        hint={`/${inbox.name}/status/503 is answered 503.`}
        checked={byPath}
        onChange={setByPath}
      />
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">Forwards</h3>
      <Entries what="forward" entries={forwards} fresh={(): Forward => ({ to: "" })} onChange={setForwards}>
        {(forward, change, number) => <ForwardFields forward={forward} number={number} onChange={change} />}
      </Entries>
      <FormEnd error={error}>Save</FormEnd>
    </form>
  );
}
