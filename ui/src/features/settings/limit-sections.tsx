import { useStatus } from "../../api/queries";
import { size } from "../../ui/format";
import { LimitField } from "./saved-field";
import { Section } from "./section";
import { changeSettings, type SectionProps } from "./settings";

const MB = 1_000_000;

const saveLimit = (name: string) => (now: number | null) => changeSettings({ limits: { [name]: now ?? 0 } });
const saveRetention = (name: string) => (now: number | null) => changeSettings({ retention: { [name]: now } });

/** Limits of the listener. */
export function LimitsSection({ settings }: SectionProps) {
  const limits = settings.limits as SectionProps["settings"]["limits"] & Record<string, number>;
  return (
    <Section title="Limits">
      <LimitField
        label="Largest body, in MB"
        hint="A larger one gets 413, and a row says so."
        value={limits.body_bytes}
        scale={MB}
        onSave={saveLimit("body_bytes")}
      />
      <LimitField
        label="Longest silence inside a body, in ms"
        hint="Then the sender gets 408, and what had arrived is kept."
        value={limits.body_stall_ms}
        onSave={saveLimit("body_stall_ms")}
      />
      <LimitField
        label="Longest wait for a head, in ms"
        hint="Then the connection is closed."
        value={limits.head_timeout_ms}
        onSave={saveLimit("head_timeout_ms")}
      />
      <LimitField
        label="Open connections"
        hint="One more gets 503 and is asked to try again."
        value={limits.connections}
        onSave={saveLimit("connections")}
      />
    </Section>
  );
}

/** How much is kept before the oldest is deleted. */
export function RetentionSection({ settings: { retention } }: SectionProps) {
  const bytes = useStatus().data?.bytes ?? 0;
  return (
    <Section title="Retention">
      <p className="mb-3 text-ink-2">
        Past any of these the oldest requests and deliveries roll over. Pinned requests stay, and so does what waits to
        be sent.
      </p>
      <LimitField
        label="Most requests"
        hint="In all inboxes together."
        value={retention.requests}
        onSave={saveRetention("requests")}
      />
      <LimitField
        label="Most body data, in MB"
        hint={`Now ${size(bytes)}.`}
        value={retention.bytes}
        scale={MB}
        onSave={saveRetention("bytes")}
      />
      <LimitField
        label="Oldest age, in days"
        hint="Of requests and deliveries."
        value={retention.days}
        onSave={saveRetention("days")}
      />
      <LimitField
        label="Most deliveries"
        hint="With their attempts."
        value={retention.deliveries}
        onSave={saveRetention("deliveries")}
      />
      <LimitField
        label="Most data of deliveries, in MB"
        hint="Payloads sent and answers kept."
        value={retention.delivery_bytes}
        scale={MB}
        onSave={saveRetention("delivery_bytes")}
      />
    </Section>
  );
}
