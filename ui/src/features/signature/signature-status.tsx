import { Clock, ShieldCheck, ShieldOff, ShieldX, type LucideIcon } from "lucide-react";

import type { Summary } from "../../api/client";

interface Look {
  icon: LucideIcon;
  word: string;
  color: string;
}

const LOOKS: Partial<Record<Summary["signature_status"], Look>> = {
  valid: { icon: ShieldCheck, word: "valid", color: "text-valid" },
  invalid: { icon: ShieldX, word: "invalid", color: "text-invalid" },
  expired: { icon: Clock, word: "expired", color: "text-warning" },
  unsigned: { icon: ShieldOff, word: "unsigned", color: "text-warning" },
};
/** The signature is correct, but its timestamp is ahead of the clock. */
const NOT_YET_VALID: Look = { icon: Clock, word: "not yet valid", color: "text-warning" };

/** A signature status as icon and word. Renders nothing for an unverified request. */
export function SignatureStatus({
  status,
  reason,
  className = "",
}: {
  status: Summary["signature_status"];
  reason: string | null | undefined;
  className?: string;
}) {
  const look = status === "invalid" && reason === "not_yet_valid" ? NOT_YET_VALID : LOOKS[status];
  if (!look) return null;
  const { icon: Icon, word, color } = look;
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 text-small font-medium ${color} ${className}`}>
      <Icon size={14} aria-hidden /> {word}
    </span>
  );
}
