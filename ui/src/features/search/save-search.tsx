import { api } from "../../api/client";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";

interface Props {
  onClose: () => void;
  query: string;
  inbox: string | undefined;
}

/** Gives a query a name. */
export function SaveSearch({ open, ...rest }: Props & { open: boolean }) {
  return (
    <Dialog title="Save this query" open={open} onClose={rest.onClose}>
      <SaveForm {...rest} />
    </Dialog>
  );
}

function SaveForm({ onClose, query, inbox }: Props) {
  const [{ name, notify, everywhere }, set] = useFormState({ name: "", notify: false, everywhere: false });
  const { submit, error } = useSubmission(async () => {
    await api.saveQuery(name, { query, inbox: everywhere ? null : (inbox ?? null), notify });
    tell(`Saved as ${name.trim()}`);
    onClose();
  });
  return (
    <Form onSubmit={submit}>
      <p className="mb-4 rounded-[7px] border border-line bg-background px-3 py-2 font-mono text-data break-all">
        {query}
      </p>
      <TextField
        label="Name"
        hint="It stands on the left, with how many requests match."
        value={name}
        maxLength={60}
        onChange={(now) => set({ name: now })}
      />
      {inbox && (
        <Switch
          label="Look in all inboxes"
          hint={`Otherwise only in ${inbox}.`}
          checked={everywhere}
          onChange={(now) => set({ everywhere: now })}
        />
      )}
      <Switch
        label="Tell me when one arrives"
        hint="A notification for each request that matches; a flood comes as one."
        checked={notify}
        onChange={(now) => set({ notify: now })}
      />
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}
