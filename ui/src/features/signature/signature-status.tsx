import { Clock, ShieldCheck, ShieldOff, ShieldX, type LucideIcon } from "lucide-react";

import type { Summary } from "../../api/client";

interface Look {
  icon: LucideIcon;
  word: string;
  colour: string;
}

const LOOKS: Partial<Record<Summary["verdict"], Look>> = {
  valid: { icon: ShieldCheck, word: "valid", colour: "text-valid" },
  invalid: { icon: ShieldX, word: "invalid", colour: "text-invalid" },
  unsigned: { icon: ShieldOff, word: "unsigned", colour: "text-warning" },
};
/** The digest is right: only its time is not. */
const STALE: Look = { icon: Clock, word: "stale", colour: "text-warning" };

/** A verdict as icon and word; nothing while there is none. */
export function SignatureStatus({
  verdict,
  reason,
  className = "",
}: {
  verdict: Summary["verdict"];
  reason: string | null | undefined;
  className?: string;
}) {
  const look = verdict === "invalid" && (reason === "stale" || reason === "future") ? STALE : LOOKS[verdict];
  if (!look) return null;
  const { icon: Icon, word, colour } = look;
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 text-small font-medium ${colour} ${className}`}>
      <Icon size={14} aria-hidden /> {word}
    </span>
  );
}
