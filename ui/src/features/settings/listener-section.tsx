import { useStatus } from "../../api/queries";
import { Switch } from "../../ui/switch";
import { SavedField } from "./saved-field";
import { Section } from "./section";
import { changeQuietly, changeSettings, type SectionProps } from "./settings";

/** The settings of the listener: address, search index, inbox creation and local API. */
export function ListenerSection({ settings }: SectionProps) {
  const listener = useStatus().data?.listener;
  const listening = listener?.state === "listening" ? listener.address : undefined;
  const overridden =
    listening && listening !== settings.listen && !settings.listen.endsWith(":0") ? listening : undefined;
  return (
    <Section title="Listener address">
      <SavedField
        label="Address"
        hint="127.0.0.1 accepts connections from this computer only, 0.0.0.0 or [::] from all networks. A change closes open connections."
        mono
        className="max-w-60"
        value={settings.listen}
        onSave={(listen) => changeSettings({ listen })}
      />
      {overridden && (
        <p className="mb-4 text-warning">
          Currently listening on <span className="font-mono">{overridden}</span>, set by --listen. The address above
          applies from the next start without --listen.
        </p>
      )}
      <Switch
        label="Search index"
        hint="Searches a million requests in milliseconds. Uses about a third of the disk space of the requests, and can be rebuilt at any time."
        checked={settings.search_index}
        onChange={(now) => changeQuietly({ search_index: now })}
      />
      <Switch
        label="Create an inbox on the first request to an unknown name"
        hint="At most 200 inboxes are created this way. If off, such requests get 404."
        checked={settings.create_inboxes}
        onChange={(now) => changeQuietly({ create_inboxes: now })}
      />
      <Switch
        label="Enable the local HTTP API"
        hint="For scripts and the command line, on loopback, with a token that only you can read. Takes effect at the next start."
        checked={settings.local_api}
        onChange={(now) => changeQuietly({ local_api: now })}
      />
    </Section>
  );
}
