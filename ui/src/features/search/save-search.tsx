import { useEffect, useState } from "react";

import { api } from "../../api/client";
import { Dialog, Field, FormEnd, INPUT, Switch } from "../../ui/controls";
import { tell } from "../../ui/toasts";
import { inWords } from "../../platform/platform";

/** Gives a query a name. */
export function SaveQuery({
  open,
  onClose,
  query,
  inbox,
}: {
  open: boolean;
  onClose: () => void;
  query: string;
  inbox: string | undefined;
}) {
  const [name, setName] = useState("");
  const [notify, setNotify] = useState(false);
  const [everywhere, setEverywhere] = useState(false);
  const [error, setError] = useState<string>();
  useEffect(() => {
    if (!open) return;
    setName("");
    setNotify(false);
    setEverywhere(false);
    setError(undefined);
  }, [open]);
  const save = async (): Promise<void> => {
    try {
      await api.saveQuery(name, { query, inbox: everywhere ? null : (inbox ?? null), notify });
      tell(`Saved as ${name.trim()}`);
      onClose();
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  return (
    <Dialog title="Save this query" open={open} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <p className="mb-4 rounded-[7px] border border-line bg-background px-3 py-2 font-mono text-data break-all">
          {query}
        </p>
        <Field label="Name" hint="It stands on the left, with how many requests match.">
          {(props) => (
            <input
              {...props}
              className={INPUT}
              value={name}
              maxLength={60}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {inbox && (
          <Switch
            label="Look in all inboxes"
            hint={`Otherwise only in ${inbox}.`}
            checked={everywhere}
            onChange={setEverywhere}
          />
        )}
        <Switch
          label="Tell me when one arrives"
          hint="A notification for each request that matches; a flood comes as one."
          checked={notify}
          onChange={setNotify}
        />
        <FormEnd error={error}>Save</FormEnd>
      </form>
    </Dialog>
  );
}
