import { useStatus } from "../../api/queries";
import { Switch } from "../../ui/switch";
import { SavedField } from "./saved-field";
import { Section } from "./section";
import { changeQuietly, changeSettings, type SectionProps } from "./settings";

/** The address of the listener, and what happens with what it receives. */
export function ListenerSection({ settings }: SectionProps) {
  const receiver = useStatus().data?.receiver;
  const listening = receiver?.state === "listening" ? receiver.address : undefined;
  const overridden =
    listening && listening !== settings.listen && !settings.listen.endsWith(":0") ? listening : undefined;
  return (
    <Section title="Receiver address">
      <SavedField
        label="Address"
        hint="127.0.0.1 is reached from this machine only; 0.0.0.0 or [::] from every network it is in. Changing it ends open connections."
        mono
        className="max-w-60"
        value={settings.listen}
        onSave={(listen) => changeSettings({ listen })}
      />
      {overridden && (
        <p className="mb-4 text-warning">
          This run listens at <span className="font-mono">{overridden}</span>, because it was started with --listen. The
          address above counts from the next start without it.
        </p>
      )}
      <Switch
        label="Search index"
        hint="A search of a million requests takes milliseconds. It takes about a third of their room on the disk, and can be made again at any time."
        checked={settings.search_index}
        onChange={(now) => changeQuietly({ search_index: now })}
      />
      <Switch
        label="Make inboxes on first use"
        hint="The first request to an unknown name makes the inbox, to 200. Otherwise it gets 404."
        checked={settings.create_inboxes}
        onChange={(now) => changeQuietly({ create_inboxes: now })}
      />
      <Switch
        label="Open the HTTP door for scripts and the command line"
        hint="On loopback, with a token only you can read. Takes effect at the next start."
        checked={settings.http_door}
        onChange={(now) => changeQuietly({ http_door: now })}
      />
    </Section>
  );
}
