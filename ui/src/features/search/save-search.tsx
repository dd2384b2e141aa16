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

/** The dialog that saves a search under a name. */
export function SaveSearch({ open, ...rest }: Props & { open: boolean }) {
  return (
    <Dialog title="Save search" open={open} onClose={rest.onClose}>
      <SaveForm {...rest} />
    </Dialog>
  );
}

function SaveForm({ onClose, query, inbox }: Props) {
  const [{ name, alert, everywhere }, set] = useFormState({ name: "", alert: false, everywhere: false });
  const { submit, error } = useSubmission(async () => {
    await api.saveSearch(name, { query, inbox: everywhere ? null : (inbox ?? null), alert });
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
        hint="Shown in the sidebar with the number of matching requests."
        value={name}
        maxLength={60}
        onChange={(now) => set({ name: now })}
      />
      {inbox && (
        <Switch
          label="Search all inboxes"
          hint={`If off, only ${inbox} is searched.`}
          checked={everywhere}
          onChange={(now) => set({ everywhere: now })}
        />
      )}
      <Switch
        label="Alert on new requests"
        hint="Shows a notification for each matching request. Bursts are combined into one."
        checked={alert}
        onChange={(now) => set({ alert: now })}
      />
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}
