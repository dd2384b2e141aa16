import { useState, type ReactNode } from "react";

import { api, type Tunnel, type TunnelNew } from "../../api/client";
import { keys } from "../../api/keys";
import { refetch } from "../../api/refetch";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { tell } from "../../ui/toasts";

type Kind = Tunnel["kind"]["type"];

interface Entry {
  name: string;
  label: string;
  hint: (written: string) => ReactNode;
  needed?: boolean;
  mono?: boolean;
}

/** The fields and the description of each kind of tunnel. */
const KINDS: Record<Kind, { means: string; entries: Entry[]; success: string }> = {
  relay: {
    means: "Durable: the relay stores requests while this computer is offline and delivers them later.",
    entries: [
      {
        name: "relay",
        label: "Relay",
        needed: true,
        mono: true,
        hint: (url) =>
          isOpen(url)
            ? "Without https, anyone on the network path can read the requests."
            : "URL of the relay, such as https://relay.example",
      },
      {
        name: "code",
        label: "Code",
        needed: true,
        mono: true,
        hint: () => "From the operator of the relay: hookbench relay device add. Valid once, for 30 minutes.",
      },
      {
        name: "device",
        label: "Device name",
        hint: () => "Shown to the operator of the relay. The host name if empty.",
      },
    ],
    success: "Connected to the relay",
  },
  ssh: {
    means: "Live: while this computer is offline, senders get errors. Most vendors retry for some time.",
    entries: [
      {
        name: "destination",
        label: "Host",
        needed: true,
        mono: true,
        hint: () =>
          "Such as nokey@localhost.run or me@example.com. Authenticates with your SSH agent or the keys in ~/.ssh.",
      },
      {
        name: "url",
        label: "Public URL",
        mono: true,
        hint: () => "If empty, the URL that the host prints, else its name and port.",
      },
      {
        name: "remote",
        label: "Port on the host",
        mono: true,
        hint: () => "As in ssh -R: 8080, *:8080, or 0 for any. The default port if empty.",
      },
    ],
    success: "The SSH host forwards to this computer",
  },
  other: {
    means: "Live: while this computer or the program is offline, senders get errors. Most vendors retry for some time.",
    entries: [
      {
        name: "url",
        label: "Public URL",
        needed: true,
        mono: true,
        hint: () => "As shown by ngrok, cloudflared or Tailscale Funnel, such as https://abc.ngrok.app",
      },
      {
        name: "port",
        label: "Local port",
        mono: true,
        hint: () => "Port to which the program forwards. A free port if empty.",
      },
    ],
    success: "Listening for the tunnel program",
  },
};

/** Returns true if the connection to a relay is not encrypted. */
function isOpen(url: string): boolean {
  return url.startsWith("http://") && !/^http:\/\/(127\.|localhost|\[::1\])/.test(url);
}

/** Parses a port. Throws an error if it is invalid. */
function portOf(text: string): number | null {
  if (text === "") return null;
  const port = Number(text);
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) throw new Error("The port must be between 1 and 65535.");
  return port;
}

function tunnelOf(kind: Kind, written: Record<string, string>): TunnelNew {
  const text = (name: string): string => written[name] ?? "";
  const maybe = (name: string): string | null => written[name] || null;
  switch (kind) {
    case "relay":
      return { type: "relay", relay: text("relay"), code: text("code"), device: maybe("device") };
    case "ssh":
      return { type: "ssh", destination: text("destination"), url: maybe("url"), remote: maybe("remote") };
    case "other":
      return { type: "other", url: text("url"), port: portOf(text("port")) };
  }
}

export function StartDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title="New tunnel" open={open} onClose={onClose}>
      <StartForm onClose={onClose} />
    </Dialog>
  );
}

function StartForm({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Kind>("relay");
  const [written, write] = useFormState<Record<string, string>>({});
  const { means, entries, success } = KINDS[kind];
  const { submit, error, clear, busy } = useSubmission(async () => {
    await api.addTunnel(tunnelOf(kind, written));
    await refetch(keys.tunnels);
    onClose();
    tell(success);
  });
  return (
    <Form onSubmit={submit}>
      <Choice
        label="Tunnel type"
        value={kind}
        options={[
          ["relay", "Relay"],
          ["ssh", "SSH host"],
          ["other", "Another program"],
        ]}
        onChange={(now) => {
          setKind(now);
          clear();
        }}
      />
      <p className="my-3 text-ink-2">{means}</p>
      {entries.map(({ name, label, hint, needed, mono }) => (
        <TextField
          key={`${kind} ${name}`}
          label={label}
          hint={hint(written[name] ?? "")}
          required={needed}
          autoComplete="off"
          spellCheck={false}
          mono={mono}
          value={written[name] ?? ""}
          onChange={(now) => {
            write({ [name]: now });
            clear();
          }}
        />
      ))}
      <FormEnd error={error} disabled={busy}>
        {busy ? "Connecting…" : "Start"}
      </FormEnd>
    </Form>
  );
}
