import { Clock, Shield, ShieldCheck, ShieldOff, ShieldX, type LucideIcon } from "lucide-react";

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
const UNVERIFIED: Look = { icon: Shield, word: "unverified", color: "text-ink-2" };
/** The signature is correct, but its timestamp is ahead of the clock. */
const NOT_YET_VALID: Look = { icon: Clock, word: "not yet valid", color: "text-warning" };

/** A signature status as icon and word. */
export function SignatureStatus({
  status,
  reason,
  className = "",
  quiet,
  word = true,
  iconClass = "",
}: {
  status: Summary["signature_status"];
  reason: string | null | undefined;
  className?: string;
  /** True if only problems have a color, as in a list. */
  quiet?: boolean;
  /** False if the word is visible only to screen readers. */
  word?: boolean;
  iconClass?: string;
}) {
  const look = status === "invalid" && reason === "not_yet_valid" ? NOT_YET_VALID : (LOOKS[status] ?? UNVERIFIED);
  const { icon: Icon, word: name, color } = look;
  const isQuiet = quiet && (status === "valid" || status === "unverified");
  return (
    <span
      title={word ? undefined : name}
      className={`inline-flex shrink-0 items-center gap-1.5 text-small ${quiet ? "" : "font-medium"} ${isQuiet ? "text-ink-2" : color} ${className}`}
    >
      <Icon size={15} aria-hidden className={`shrink-0 ${color} ${iconClass}`} />
      <span className={word ? "" : "sr-only"}>{name}</span>
    </span>
  );
}
