import { Ban, CheckCircle2, Clock, FilterX, Loader, SkipForward, XCircle, type LucideIcon } from "lucide-react";

import type { Delivery } from "../../api/client";

const LOOKS: Record<Delivery["state"], { icon: LucideIcon; word: string; colour: string }> = {
  waiting: { icon: Clock, word: "waiting", colour: "text-warning" },
  sending: { icon: Loader, word: "sending", colour: "text-accent" },
  delivered: { icon: CheckCircle2, word: "delivered", colour: "text-valid" },
  failed: { icon: XCircle, word: "failed", colour: "text-invalid" },
  exhausted: { icon: XCircle, word: "exhausted", colour: "text-invalid" },
  skipped: { icon: SkipForward, word: "skipped", colour: "text-ink-2" },
  filtered: { icon: FilterX, word: "filtered", colour: "text-ink-2" },
  cancelled: { icon: Ban, word: "cancelled", colour: "text-ink-2" },
};

export const STATES = Object.keys(LOOKS) as Delivery["state"][];

/** The state of a delivery, as icon and word. */
export function DeliveryState({ state, className = "" }: { state: Delivery["state"]; className?: string }) {
  const { icon: Icon, word, colour } = LOOKS[state];
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 text-small font-medium ${colour} ${className}`}>
      <Icon size={14} aria-hidden /> {word}
    </span>
  );
}
