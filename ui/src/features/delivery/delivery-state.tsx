import { Ban, CheckCircle2, Clock, FilterX, Loader, SkipForward, XCircle, type LucideIcon } from "lucide-react";

import type { Delivery } from "../../api/client";

const LOOKS: Record<Delivery["state"], { icon: LucideIcon; word: string; color: string }> = {
  waiting: { icon: Clock, word: "waiting", color: "text-warning" },
  sending: { icon: Loader, word: "sending", color: "text-accent" },
  delivered: { icon: CheckCircle2, word: "delivered", color: "text-valid" },
  failed: { icon: XCircle, word: "failed", color: "text-invalid" },
  exhausted: { icon: XCircle, word: "exhausted", color: "text-invalid" },
  skipped: { icon: SkipForward, word: "skipped", color: "text-ink-2" },
  filtered: { icon: FilterX, word: "filtered", color: "text-ink-2" },
  canceled: { icon: Ban, word: "canceled", color: "text-ink-2" },
};

export const STATES = Object.keys(LOOKS) as Delivery["state"][];

/** The state of a delivery, as icon and word. */
export function DeliveryState({ state, className = "" }: { state: Delivery["state"]; className?: string }) {
  const { icon: Icon, word, color } = LOOKS[state];
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 text-small font-medium ${color} ${className}`}>
      <Icon size={14} aria-hidden /> {word}
    </span>
  );
}
