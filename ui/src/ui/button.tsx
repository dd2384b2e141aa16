import { Tooltip } from "@base-ui/react/tooltip";
import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

const BUTTON =
  "control inline-flex items-center gap-2 rounded-[7px] border px-3 font-medium whitespace-nowrap disabled:opacity-50";
const LOOKS = {
  plain: "bg-control border-line hover:bg-hover text-ink",
  primary: "bg-accent border-transparent text-accent-ink hover:brightness-110",
  danger: "bg-control border-line text-invalid hover:bg-hover",
} as const;

export function Button({
  look = "plain",
  icon: Icon,
  keys,
  children,
  className = "",
  ...rest
}: ComponentProps<"button"> & { look?: keyof typeof LOOKS; icon?: LucideIcon; keys?: string }) {
  return (
    <button type="button" className={`${BUTTON} ${LOOKS[look]} ${className}`} {...rest}>
      {Icon && <Icon size={15} aria-hidden className="shrink-0" />}
      {children}
      {keys && <Keys keys={keys} />}
    </button>
  );
}

/** A button with only an icon. The label is its accessible name and its tooltip. */
export function IconButton({
  label,
  icon: Icon,
  pressed,
  keys,
  className = "",
  ...rest
}: ComponentProps<"button"> & { label: string; icon: LucideIcon; pressed?: boolean; keys?: string }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger
        render={
          <button
            type="button"
            aria-label={label}
            aria-pressed={pressed}
            className={`control inline-flex aspect-square items-center justify-center rounded-[7px] text-ink-2 hover:bg-hover hover:text-ink disabled:opacity-50 ${pressed ? "text-accent" : ""} ${className}`}
            {...rest}
          >
            <Icon size={16} aria-hidden fill={pressed ? "currentColor" : "none"} />
          </button>
        }
      />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={4} className="z-50">
          <Tooltip.Popup className="flex items-center gap-2 rounded-md border border-line bg-pane px-2 py-1 text-small text-ink">
            {label} {keys && <Keys keys={keys} />}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

export function Keys({ keys }: { keys: string }) {
  return (
    <kbd aria-hidden className="rounded border border-current/25 px-1 font-mono text-[11px] leading-4">
      {keys}
    </kbd>
  );
}
