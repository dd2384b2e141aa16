import { api, type Exposure, type ExposureSettings, type Tunnel } from "../../api/client";
import { keys } from "../../api/keys";
import { refetch } from "../../api/refetch";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { ListField, SecretField, TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { settingsOf, valuesOf, type Values } from "./exposure-settings";

interface PartProps {
  values: Values;
  set: (change: Partial<Values>) => void;
}

export function ExposeDialog({
  tunnel,
  inbox,
  exposure,
  onClose,
}: {
  tunnel: Tunnel;
  inbox: string;
  exposure: Exposure | undefined;
  onClose: () => void;
}) {
  return (
    <Dialog title={exposure ? `How ${inbox} is exposed` : `Expose ${inbox}`} open onClose={onClose}>
      <ExposeForm tunnel={tunnel} inbox={inbox} settings={exposure?.settings ?? {}} onClose={onClose} />
    </Dialog>
  );
}

function ExposeForm({
  tunnel,
  inbox,
  settings,
  onClose,
}: {
  tunnel: Tunnel;
  inbox: string;
  settings: Partial<ExposureSettings>;
  onClose: () => void;
}) {
  const [values, set] = useFormState<Values>(() => valuesOf(settings));
  const { submit, error } = useSubmission(async () => {
    await api.expose(tunnel.id, inbox, settingsOf(values));
    await refetch(keys.tunnels);
    onClose();
    tell(`${inbox} can be reached from outside`);
  });
  return (
    <Form onSubmit={submit}>
      {tunnel.durable && (
        <TextField
          label="A sender waits, in seconds"
          hint="For this machine's own answer, while it is there; as its vendor allows if left empty, 0 not at all. Then it gets the inbox's answer."
          inputMode="decimal"
          value={values.wait}
          onChange={(wait) => set({ wait })}
        />
      )}
      <h3 className={`mb-2 font-semibold ${tunnel.durable ? "border-t border-line pt-3" : ""}`}>Who may send</h3>
      <AccessFields tunnel={tunnel} values={values} set={set} />
      {tunnel.durable && (
        <>
          <h3 className="mb-2 border-t border-line pt-3 font-semibold">While this machine is away</h3>
          <OfflineFields values={values} set={set} />
        </>
      )}
      <FormEnd error={error}>Save</FormEnd>
    </Form>
  );
}

function AccessFields({ tunnel, values, set }: PartProps & { tunnel: Tunnel }) {
  return (
    <>
      <Switch
        label="Forward only verified signatures"
        hint="Judged here, before anything goes on to an app."
        checked={values.verifiedOnly}
        onChange={(verifiedOnly) => set({ verifiedOnly })}
      />
      {tunnel.kind.type !== "other" && (
        <ListField
          label="Networks"
          hint={`Such as 192.0.2.0/24, one a line; any if left empty.${tunnel.durable ? "" : " Judged by what the host says of who has connected."}`}
          by="line"
          rows={2}
          value={values.allow}
          onChange={(allow) => set({ allow })}
        />
      )}
      <TextField
        label="Name"
        hint="Senders give it with the password (HTTP Basic); none is asked for if left empty."
        autoComplete="off"
        value={values.name}
        onChange={(name) => set({ name })}
      />
      <SecretField
        label="Password"
        autoComplete="new-password"
        value={values.password}
        onChange={(password) => set({ password })}
      />
    </>
  );
}

/** Fields for the requests that the relay keeps while this computer is offline. */
function OfflineFields({ values, set }: PartProps) {
  return (
    <>
      <div className="mb-4">
        <Choice
          label="What arrived meanwhile"
          value={values.onReturn}
          options={[
            ["ask", "Ask me"],
            ["forward", "Forward it"],
            ["hold", "Hold it"],
          ]}
          onChange={(onReturn) => set({ onReturn })}
        />
      </div>
      <Switch
        label="Give the relay this inbox's secrets"
        hint="It then answers questions that need them. Whoever runs the relay, or steals its disk, can sign as your vendor."
        checked={values.giveSecrets}
        onChange={(giveSecrets) => set({ giveSecrets })}
      />
    </>
  );
}
