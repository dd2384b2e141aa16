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
const KINDS: Record<Kind, { means: string; entries: Entry[]; told: string }> = {
  relay: {
    means: "Durable: the relay keeps what arrives while this machine is away, and hands it over when you are back.",
    entries: [
      {
        name: "relay",
        label: "Relay",
        needed: true,
        mono: true,
        hint: (url) =>
          isOpen(url)
            ? "Without https anyone on the way can read what comes through."
            : "Its address, such as https://relay.example",
      },
      {
        name: "code",
        label: "Code",
        needed: true,
        mono: true,
        hint: () => "From the relay's owner: hookbench relay device add. Good once, for half an hour.",
      },
      {
        name: "device",
        label: "Name of this machine",
        hint: () => "What the relay's owner sees; its own name if left empty.",
      },
    ],
    told: "This machine is let in",
  },
  ssh: {
    means: "Live: while this machine is away, senders are refused; most vendors try again for a while.",
    entries: [
      {
        name: "destination",
        label: "Host",
        needed: true,
        mono: true,
        hint: () =>
          "Such as nokey@localhost.run or me@example.com. It lets you in by the keys of your SSH agent or in ~/.ssh.",
      },
      {
        name: "url",
        label: "Public URL",
        mono: true,
        hint: () => "As the host prints it if left empty, else its name and port.",
      },
      {
        name: "remote",
        label: "Port on the host",
        mono: true,
        hint: () => "As in ssh -R: 8080, *:8080, 0 for any; the usual one if left empty.",
      },
    ],
    told: "The host listens for this machine",
  },
  other: {
    means: "Live: while this machine or that program is away, senders are refused; most vendors try again for a while.",
    entries: [
      {
        name: "url",
        label: "Public URL",
        needed: true,
        mono: true,
        hint: () => "What ngrok, cloudflared or Tailscale Funnel shows, such as https://abc.ngrok.app",
      },
      {
        name: "port",
        label: "Port of this machine",
        mono: true,
        hint: () => "Where that program leads to; a free one if left empty.",
      },
    ],
    told: "Hookbench listens for that program",
  },
};

/** Returns true if the connection to a relay is not encrypted. */
function isOpen(url: string): boolean {
  return url.startsWith("http://") && !/^http:\/\/(127\.|localhost|\[::1\])/.test(url);
}

/** Throws where the port is not one. */
function portOf(text: string): number | null {
  if (text === "") return null;
  const port = Number(text);
  if (!(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new Error("A port is a number between 1 and 65535.");
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
  const { means, entries, told } = KINDS[kind];
  const { submit, error, clear, busy } = useSubmission(async () => {
    await api.addTunnel(tunnelOf(kind, written));
    await refetch(keys.tunnels);
    onClose();
    tell(told);
  });
  return (
    <Form onSubmit={submit}>
      <Choice
        label="What stands at its other end"
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
        {busy ? "Dialling…" : "Start"}
      </FormEnd>
    </Form>
  );
}
