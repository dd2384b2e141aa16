import { Choice } from "../../ui/choice";
import { prefer, usePreferences } from "../../ui/preferences";
import { Section } from "./section";

/** The appearance of the page on this device. */
export function AppearanceSection() {
  const { theme, contrast, density, zoom } = usePreferences();
  return (
    <Section title="Appearance">
      <div className="grid grid-cols-[8rem_1fr] items-center gap-y-3">
        <span>Theme</span>
        <Choice
          label="Theme"
          value={theme}
          options={[
            ["system", "System"],
            ["light", "Light"],
            ["dark", "Dark"],
          ]}
          onChange={(now) => prefer({ theme: now })}
        />
        <span>Contrast</span>
        <Choice
          label="Contrast"
          value={contrast}
          options={[
            ["normal", "Normal"],
            ["high", "High"],
          ]}
          onChange={(now) => prefer({ contrast: now })}
        />
        <span>Row density</span>
        <Choice
          label="Row density"
          value={density}
          options={[
            ["cosy", "Comfortable"],
            ["compact", "Compact"],
          ]}
          onChange={(now) => prefer({ density: now })}
        />
        <span>Zoom</span>
        <span>{Math.round(zoom * 100)} % (Ctrl + and −)</span>
      </div>
    </Section>
  );
}
