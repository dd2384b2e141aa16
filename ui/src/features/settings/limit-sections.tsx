import { useStatus } from "../../api/queries";
import { size } from "../../ui/format";
import { LimitField } from "./saved-field";
import { Section } from "./section";
import { changeSettings, type SectionProps } from "./settings";

const MB = 1_000_000;

const saveLimit = (name: string) => (now: number | null) => changeSettings({ limits: { [name]: now ?? 0 } });
const saveRetention = (name: string) => (now: number | null) => changeSettings({ retention: { [name]: now } });

/** The limits of the listener. */
export function LimitsSection({ settings }: SectionProps) {
  const limits = settings.limits as SectionProps["settings"]["limits"] & Record<string, number>;
  return (
    <Section title="Limits">
      <LimitField
        label="Maximum body size (MB)"
        hint="Larger requests get 413 and are listed without a body."
        value={limits.body_bytes}
        scale={MB}
        onSave={saveLimit("body_bytes")}
      />
      <LimitField
        label="Body idle timeout (ms)"
        hint="After this time without data the sender gets 408, and the received part is stored."
        value={limits.body_stall_ms}
        onSave={saveLimit("body_stall_ms")}
      />
      <LimitField
        label="Header timeout (ms)"
        hint="After this time the connection is closed."
        value={limits.head_timeout_ms}
        onSave={saveLimit("head_timeout_ms")}
      />
      <LimitField
        label="Maximum connections"
        hint="Further connections get 503 with Retry-After."
        value={limits.connections}
        onSave={saveLimit("connections")}
      />
    </Section>
  );
}

/** The limits from which the oldest data is deleted. */
export function RetentionSection({ settings: { retention } }: SectionProps) {
  const bytes = useStatus().data?.bytes ?? 0;
  return (
    <Section title="Retention">
      <p className="mb-3 text-ink-2">
        Above any of these limits, the oldest requests and deliveries are deleted. Pinned requests and pending
        deliveries are kept.
      </p>
      <LimitField
        label="Maximum requests"
        hint="In all inboxes."
        value={retention.requests}
        onSave={saveRetention("requests")}
      />
      <LimitField
        label="Maximum body data (MB)"
        hint={`Currently ${size(bytes)}.`}
        value={retention.bytes}
        scale={MB}
        onSave={saveRetention("bytes")}
      />
      <LimitField
        label="Maximum age (days)"
        hint="Of requests and deliveries."
        value={retention.days}
        onSave={saveRetention("days")}
      />
      <LimitField
        label="Maximum deliveries"
        hint="Including their attempts."
        value={retention.deliveries}
        onSave={saveRetention("deliveries")}
      />
      <LimitField
        label="Maximum delivery data (MB)"
        hint="Payloads and stored responses."
        value={retention.delivery_bytes}
        scale={MB}
        onSave={saveRetention("delivery_bytes")}
      />
    </Section>
  );
}
