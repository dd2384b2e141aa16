import { useEffect, useState, type ReactNode } from "react";

import { api, type Settings } from "../../api/client";
import { queryClient } from "../../api/refetch";
import { useSettings, useStatus } from "../../api/queries";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { size } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { inWords, platform } from "../../platform";
import { prefer, usePreferences } from "../../ui/preferences";

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section id={title.toLowerCase().replaceAll(" ", "-")} className="mb-6 border-b border-line pb-4">
      <h2 className="mb-3 text-title font-semibold tracking-tight">{title}</h2>
      {children}
    </section>
  );
}

/** A number, or nothing for no limit. */
function Limit({
  label,
  hint,
  value,
  scale = 1,
  onSave,
}: {
  label: string;
  hint: string;
  value: number | null | undefined;
  scale?: number;
  onSave: (now: number | null) => Promise<void>;
}) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  useEffect(() => setText(value ? String(value / scale) : ""), [value, scale]);
  const save = async (): Promise<void> => {
    const number = text.trim() === "" ? null : Math.round(Number(text) * scale);
    if (number === (value ?? null)) return;
    try {
      if (Number.isNaN(number)) throw new Error(`${text} is not a number.`);
      await onSave(number);
      setError(undefined);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
  };
  return (
    <Field label={label} hint={hint} error={error}>
      {(props) => (
        <input
          {...props}
          inputMode="decimal"
          className={`${INPUT} max-w-40`}
          value={text}
          placeholder="no limit"
          onChange={(event) => setText(event.target.value)}
          onBlur={() => void save()}
          onKeyDown={(event) => event.key === "Enter" && void save()}
        />
      )}
    </Field>
  );
}

const MB = 1_000_000;

function Backup() {
  const [path, setPath] = useState("");
  const start = async (): Promise<void> => {
    const picked = platform.pickNewFile ? await attempt(platform.pickNewFile("hookline-backup.db")) : path;
    if (picked && (await attempt(api.backup(picked)))) tell("Backup started");
  };
  return (
    <div className="flex items-end gap-2">
      {!platform.pickNewFile && (
        <input
          aria-label="Path of the backup file on the engine's machine"
          placeholder="/path/of/a/new/file.db"
          className={`${INPUT} max-w-80 font-mono text-data`}
          value={path}
          onChange={(event) => setPath(event.target.value)}
        />
      )}
      <Button onClick={() => void start()}>Back up…</Button>
    </div>
  );
}

export function SettingsPage() {
  const settings = useSettings().data;
  const status = useStatus().data;
  const preferred = usePreferences();
  const [listen, setListen] = useState("");
  const [listenError, setListenError] = useState<string>();
  useEffect(() => setListen(settings?.listen ?? ""), [settings?.listen]);
  const loaded = settings !== undefined;
  useEffect(() => {
    if (loaded) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [loaded]);
  if (!settings) return null;

  const change = async (patch: object): Promise<void> => {
    const now = await api.changeSettings(patch);
    queryClient.setQueryData(["settings"], now);
  };
  const quietly = (patch: object): void => void attempt(change(patch));
  const saveListen = async (): Promise<void> => {
    if (listen === settings.listen) return;
    try {
      await change({ listen });
      setListenError(undefined);
    } catch (failure) {
      setListenError(inWords(failure));
    }
  };
  const listening = status?.receiver.state === "listening" ? status.receiver.address : undefined;
  const overridden =
    listening && listening !== settings.listen && !settings.listen.endsWith(":0") ? listening : undefined;
  const limits = settings.limits as Settings["limits"] & Record<string, number>;
  return (
    <div className="h-full overflow-auto bg-pane" tabIndex={0} role="region" aria-label="Settings">
      <div className="max-w-2xl p-6">
        <h1 className="mb-5 text-[20px] font-semibold tracking-tight">Settings</h1>
        <Section title="Receiver address">
          <Field
            label="Address"
            error={listenError}
            hint="127.0.0.1 is reached from this machine only; 0.0.0.0 or [::] from every network it is in. Changing it ends open connections."
          >
            {(props) => (
              <input
                {...props}
                className={`${INPUT} max-w-60 font-mono text-data`}
                value={listen}
                onChange={(event) => setListen(event.target.value)}
                onBlur={() => void saveListen()}
                onKeyDown={(event) => event.key === "Enter" && void saveListen()}
              />
            )}
          </Field>
          {overridden && (
            <p className="mb-4 text-warning">
              This run listens at <span className="font-mono">{overridden}</span>, because it was started with --listen.
              The address above counts from the next start without it.
            </p>
          )}
          <Switch
            label="Search index"
            hint="A search of a million requests takes milliseconds. It takes about a third of their room on the disk, and can be made again at any time."
            checked={settings.search_index}
            onChange={(now) => quietly({ search_index: now })}
          />
          <Switch
            label="Make inboxes on first use"
            hint="The first request to an unknown name makes the inbox, to 200. Otherwise it gets 404."
            checked={settings.create_inboxes}
            onChange={(now) => quietly({ create_inboxes: now })}
          />
          <Switch
            label="Open the HTTP door for scripts and the command line"
            hint="On loopback, with a token only you can read. Takes effect at the next start."
            checked={settings.http_door}
            onChange={(now) => quietly({ http_door: now })}
          />
        </Section>
        <Section title="Limits">
          <Limit
            label="Largest body, in MB"
            hint="A larger one gets 413, and a row says so."
            value={limits.body_bytes}
            scale={MB}
            onSave={(now) => change({ limits: { body_bytes: now ?? 0 } })}
          />
          <Limit
            label="Longest silence inside a body, in ms"
            hint="Then the sender gets 408, and what had arrived is kept."
            value={limits.body_stall_ms}
            onSave={(now) => change({ limits: { body_stall_ms: now ?? 0 } })}
          />
          <Limit
            label="Longest wait for a head, in ms"
            hint="Then the connection is closed."
            value={limits.head_timeout_ms}
            onSave={(now) => change({ limits: { head_timeout_ms: now ?? 0 } })}
          />
          <Limit
            label="Open connections"
            hint="One more gets 503 and is asked to try again."
            value={limits.connections}
            onSave={(now) => change({ limits: { connections: now ?? 0 } })}
          />
        </Section>
        <Section title="Retention">
          <p className="mb-3 text-ink-2">
            Past any of these the oldest requests and deliveries roll over. Pinned requests stay, and so does what waits
            to be sent.
          </p>
          <Limit
            label="Most requests"
            hint="In all inboxes together."
            value={settings.retention.requests}
            onSave={(now) => change({ retention: { requests: now } })}
          />
          <Limit
            label="Most body data, in MB"
            hint={`Now ${size(status?.bytes ?? 0)}.`}
            value={settings.retention.bytes}
            scale={MB}
            onSave={(now) => change({ retention: { bytes: now } })}
          />
          <Limit
            label="Oldest age, in days"
            hint="Of requests and deliveries."
            value={settings.retention.days}
            onSave={(now) => change({ retention: { days: now } })}
          />
          <Limit
            label="Most deliveries"
            hint="With their attempts."
            value={settings.retention.deliveries}
            onSave={(now) => change({ retention: { deliveries: now } })}
          />
          <Limit
            label="Most data of deliveries, in MB"
            hint="Payloads sent and answers kept."
            value={settings.retention.delivery_bytes}
            scale={MB}
            onSave={(now) => change({ retention: { delivery_bytes: now } })}
          />
        </Section>
        <Section title="Appearance">
          <div className="grid grid-cols-[8rem_1fr] items-center gap-y-3">
            <span>Theme</span>
            <Choice
              label="Theme"
              value={preferred.theme}
              options={[
                ["system", "As the system"],
                ["light", "Light"],
                ["dark", "Dark"],
              ]}
              onChange={(theme) => prefer({ theme })}
            />
            <span>Contrast</span>
            <Choice
              label="Contrast"
              value={preferred.contrast}
              options={[
                ["normal", "Normal"],
                ["high", "High"],
              ]}
              onChange={(contrast) => prefer({ contrast })}
            />
            <span>Rows</span>
            <Choice
              label="Rows"
              value={preferred.density}
              options={[
                ["cosy", "Cosy"],
                ["compact", "Compact"],
              ]}
              onChange={(density) => prefer({ density })}
            />
            <span>Size</span>
            <span>{Math.round(preferred.zoom * 100)} % (Ctrl + and −)</span>
          </div>
        </Section>
        {platform.close && (
          <Section title="Closing the window">
            <Choice
              label="Closing the window"
              value={settings.on_close}
              options={[
                ["ask", "Ask"],
                ["tray", "Keep listening in the tray"],
                ["quit", "Quit"],
              ]}
              onChange={(on_close) => quietly({ on_close })}
            />
          </Section>
        )}
        <Section title="Data folder">
          <p className="font-mono text-data break-all">{status?.data}</p>
          <p className="mt-1 text-ink-2">
            The database has {size(status?.file_bytes ?? 0)} on disk. Only you may read it. Hookline {status?.version}.
          </p>
        </Section>
        <Section title="Backup">
          <p className="mb-3 text-ink-2">
            A backup is one file with everything in it, secrets too. To restore it, put it into an empty data folder as
            hookline.db.
          </p>
          <Backup />
        </Section>
      </div>
    </div>
  );
}
