import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

export function Notice({
  icon: Icon,
  tone,
  title,
  children,
}: {
  icon: LucideIcon;
  tone: "invalid" | "warning" | "plain";
  title: string;
  children?: ReactNode;
}) {
  const color = { invalid: "text-invalid", warning: "text-warning", plain: "text-ink-2" }[tone];
  return (
    <div
      role={tone === "plain" ? undefined : "alert"}
      className="flex gap-3 rounded-[9px] border border-line bg-background p-3"
    >
      <Icon size={18} aria-hidden className={`mt-px shrink-0 ${color}`} />
      <div className="min-w-0">
        <div className={`font-medium ${color}`}>{title}</div>
        <div className="text-ink-2">{children}</div>
      </div>
    </div>
  );
}
