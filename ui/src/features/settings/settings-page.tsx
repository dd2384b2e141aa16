import { useEffect } from "react";

import { useSettings, useStatus } from "../../api/queries";
import { platform } from "../../platform";
import { Choice } from "../../ui/choice";
import { size } from "../../ui/format";
import { Managed } from "../project";
import { AppearanceSection } from "./appearance-section";
import { BackupSection } from "./backup-section";
import { LimitsSection, RetentionSection } from "./limit-sections";
import { ListenerSection } from "./listener-section";
import { PipelineSection } from "./pipeline-section";
import { Section } from "./section";
import { changeQuietly } from "./settings";
import { UpdatesSection } from "./updates-section";

export function SettingsPage() {
  const settings = useSettings().data;
  const status = useStatus().data;
  const loaded = settings !== undefined;
  useEffect(() => {
    if (loaded) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [loaded]);
  if (!settings) return null;
  return (
    <div className="h-full overflow-auto bg-pane" tabIndex={0} role="region" aria-label="Settings" data-pane="page">
      <div className="max-w-2xl p-6">
        <h1 className="mb-5 text-[20px] font-semibold tracking-tight">Settings</h1>
        <Managed type="setting" />
        <ListenerSection settings={settings} />
        <LimitsSection settings={settings} />
        <RetentionSection settings={settings} />
        <AppearanceSection />
        {platform.close && (
          <Section title="Closing the window">
            <Choice
              label="Closing the window"
              value={settings.on_close}
              options={[
                ["ask", "Ask"],
                ["tray", "Keep running in the tray"],
                ["quit", "Quit"],
              ]}
              onChange={(on_close) => changeQuietly({ on_close })}
            />
          </Section>
        )}
        <Section title="Data folder">
          <p className="font-mono text-data break-all">{status?.data}</p>
          <p className="mt-1 text-ink-2">
            The database uses {size(status?.file_bytes ?? 0)} on disk and is readable only by you. Hookbench{" "}
            {status?.version}
          </p>
        </Section>
        <UpdatesSection settings={settings} />
        <PipelineSection />
        <BackupSection />
      </div>
    </div>
  );
}
