import { useState } from "react";

import { api, type Exposure, type ExposureSettings, type Tunnel } from "../../api/client";
import { keys } from "../../api/keys";
import { refetch } from "../../api/refetch";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { inWords } from "../../platform";

type OnReturn = NonNullable<ExposureSettings["on_return"]>;

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
  const [wait, setWait] = useState(settings.wait_ms == null ? "" : String(settings.wait_ms / 1_000));
  const [name, setName] = useState(settings.basic?.name ?? "");
  const [password, setPassword] = useState(settings.basic?.password ?? "");
  const [allow, setAllow] = useState(settings.allow?.join("\n") ?? "");
  const [verifiedOnly, setVerifiedOnly] = useState(settings.verified_only ?? false);
  const [giveSecrets, setGiveSecrets] = useState(settings.give_secrets ?? false);
  const [onReturn, setOnReturn] = useState<OnReturn>(settings.on_return ?? "ask");
  const [error, setError] = useState<string>();
  const save = async (): Promise<void> => {
    const body: ExposureSettings = {
      wait_ms: wait.trim() === "" ? null : Math.round(Number(wait) * 1_000),
      basic: name ? { name, password } : null,
      allow: allow.split(/[\s,]+/).filter(Boolean),
      verified_only: verifiedOnly,
      give_secrets: giveSecrets,
      on_return: onReturn,
    };
    if (Number.isNaN(body.wait_ms)) return setError("How long a sender waits is a number of seconds.");
    try {
      await api.expose(tunnel.id, inbox, body);
      await refetch(keys.tunnels);
      onClose();
      tell(`${inbox} can be reached from outside`);
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
      {tunnel.durable && (
        <Field
          label="A sender waits, in seconds"
          hint="For this machine's own answer, while it is there; as its vendor allows if left empty, 0 not at all. Then it gets the inbox's answer."
        >
          {(props) => (
            <input
              {...props}
              inputMode="decimal"
              className={INPUT}
              value={wait}
              onChange={(event) => setWait(event.target.value)}
            />
          )}
        </Field>
      )}
      <h3 className={`mb-2 font-semibold ${tunnel.durable ? "border-t border-line pt-3" : ""}`}>Who may send</h3>
      <Switch
        label="Forward only verified signatures"
        hint="Judged here, before anything goes on to an app."
        checked={verifiedOnly}
        onChange={setVerifiedOnly}
      />
      {tunnel.kind.is !== "other" && (
        <Field
          label="Networks"
          hint={`Such as 192.0.2.0/24, one a line; any if left empty.${tunnel.durable ? "" : " Judged by what the host says of who has connected."}`}
        >
          {(props) => (
            <textarea
              {...props}
              rows={2}
              className={`${INPUT} h-auto! py-1 font-mono text-data`}
              value={allow}
              onChange={(event) => setAllow(event.target.value)}
            />
          )}
        </Field>
      )}
      <Field label="Name" hint="Senders give it with the password (HTTP Basic); none is asked for if left empty.">
        {(props) => (
          <input
            {...props}
            autoComplete="off"
            className={INPUT}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Password">
        {(props) => (
          <input
            {...props}
            type="password"
            autoComplete="new-password"
            className={INPUT}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      {tunnel.durable && (
        <>
          <h3 className="mb-2 border-t border-line pt-3 font-semibold">While this machine is away</h3>
          <div className="mb-4">
            <Choice
              label="What arrived meanwhile"
              value={onReturn}
              options={[
                ["ask", "Ask me"],
                ["forward", "Forward it"],
                ["hold", "Hold it"],
              ]}
              onChange={setOnReturn}
            />
          </div>
          <Switch
            label="Give the relay this inbox's secrets"
            hint="It then answers questions that need them. Whoever runs the relay, or steals its disk, can sign as your vendor."
            checked={giveSecrets}
            onChange={setGiveSecrets}
          />
        </>
      )}
      <FormEnd error={error}>{"Save"}</FormEnd>
    </form>
  );
}
