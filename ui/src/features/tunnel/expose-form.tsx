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
    <Dialog title={exposure ? `Exposure of ${inbox}` : `Expose ${inbox}`} open onClose={onClose}>
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
    tell(`${inbox} is exposed`);
  });
  return (
    <Form onSubmit={submit}>
      {tunnel.durable && (
        <TextField
          label="Response timeout (s)"
          hint="Time that the relay waits for the response of this computer. Then the relay sends the response of the inbox. Empty: by vendor. 0: no wait."
          inputMode="decimal"
          value={values.wait}
          onChange={(wait) => set({ wait })}
        />
      )}
      <h3 className={`mb-2 font-semibold ${tunnel.durable ? "border-t border-line pt-3" : ""}`}>Access control</h3>
      <AccessFields tunnel={tunnel} values={values} set={set} />
      {tunnel.durable && (
        <>
          <h3 className="mb-2 border-t border-line pt-3 font-semibold">While offline</h3>
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
        label="Forward only verified requests"
        hint="Hookbench verifies the signature before it forwards a request."
        checked={values.verifiedOnly}
        onChange={(verifiedOnly) => set({ verifiedOnly })}
      />
      {tunnel.kind.type !== "other" && (
        <ListField
          label="Allowed networks"
          hint={`One per line, such as 192.0.2.0/24. Empty allows all.${tunnel.durable ? "" : " Uses the remote address that the host reports."}`}
          by="line"
          rows={2}
          value={values.allow}
          onChange={(allow) => set({ allow })}
        />
      )}
      <TextField
        label="User name"
        hint="For HTTP Basic authentication, with the password. Empty disables authentication."
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

/** Fields for the offline backlog and the secrets of the relay. */
function OfflineFields({ values, set }: PartProps) {
  return (
    <>
      <div className="mb-4">
        <Choice
          label="Offline backlog"
          value={values.onReturn}
          options={[
            ["ask", "Ask me"],
            ["forward", "Forward"],
            ["keep", "Keep"],
          ]}
          onChange={(onReturn) => set({ onReturn })}
        />
      </div>
      <Switch
        label="Share secrets with relay"
        hint="The relay can then respond to handshakes that need the secrets. Anyone with access to the relay can sign as your vendor."
        checked={values.giveSecrets}
        onChange={(giveSecrets) => set({ giveSecrets })}
      />
    </>
  );
}
