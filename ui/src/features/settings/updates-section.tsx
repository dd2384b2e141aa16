import { useStatus } from "../../api/queries";
import { Button } from "../../ui/button";
import { Switch } from "../../ui/switch";
import { copyText } from "../../ui/transfer";
import { Section } from "./section";
import { changeQuietly, type SectionProps } from "./settings";

/** The check for a newer release, and the release that it found. */
export function UpdatesSection({ settings }: SectionProps) {
  const status = useStatus().data;
  const update = status?.update;
  return (
    <Section title="Updates">
      <Switch
        label="Check for a new version once a day"
        hint="Asks api.github.com for the newest release. Sends nothing about this computer, and installs nothing."
        checked={settings.check_for_updates}
        onChange={(now) => changeQuietly({ check_for_updates: now })}
      />
      {update && (
        <div className="flex flex-wrap items-center gap-3">
          <p>
            Version {update.version} is available. This is {status.version}.
          </p>
          <Button onClick={() => copyText(update.url, "the release link")}>Copy release link</Button>
        </div>
      )}
    </Section>
  );
}
