/** The few controls everything is made of. */
import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { Switch as BaseSwitch } from "@base-ui/react/switch";
import { Tooltip } from "@base-ui/react/tooltip";
import { X, type LucideIcon } from "lucide-react";
import { useEffect, useId, useRef, type ComponentProps, type ReactNode } from "react";

import { confirm } from "./confirm";

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
      {Icon && <Icon size={15} aria-hidden />}
      {children}
      {keys && <Keys keys={keys} />}
    </button>
  );
}

/** A button with only an icon; its label is its name and its tooltip. */
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

/** A dialog. Where something was entered, a click beside it does nothing, and closing it asks first. */
export function Dialog({
  title,
  open,
  onClose,
  children,
  wide,
}: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const popup = useRef<HTMLDivElement>(null);
  const dirty = useRef(false);
  useEffect(() => {
    dirty.current = false;
  }, [open]);
  const close = async (reason: string): Promise<void> => {
    if (dirty.current) {
      if (reason === "outside-press" || reason === "focus-out") return;
      if (!(await confirm("Discard what you entered?", `"${title}" has not been saved.`, "Discard"))) return;
    }
    onClose();
  };
  return (
    <BaseDialog.Root open={open} onOpenChange={(now, { reason }) => !now && void close(reason)}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className="fixed inset-0 z-40 bg-black/30" />
        <BaseDialog.Popup
          ref={popup}
          data-modal
          onInput={() => (dirty.current = true)}
          initialFocus={() =>
            popup.current?.querySelector<HTMLElement>("input,textarea") ??
            popup.current?.querySelector<HTMLElement>("[type=submit]") ??
            popup.current ??
            true
          }
          className={`fixed top-[8vh] left-1/2 z-50 flex max-h-[calc(92vh-96px)] -translate-x-1/2 flex-col rounded-[9px] border border-line bg-pane ${wide ? "w-[min(640px,92vw)]" : "w-[min(460px,92vw)]"}`}
        >
          <header className="flex items-center justify-between border-b border-line px-4 py-2">
            <BaseDialog.Title className="text-title font-semibold tracking-tight">{title}</BaseDialog.Title>
            <BaseDialog.Close render={<IconButton label="Close" icon={X} />} />
          </header>
          <div className="scroll-pb-20 overflow-auto p-4">{children}</div>
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}

export const INPUT = "control w-full rounded-[7px] border border-line bg-control px-2 text-ink placeholder:text-ink-3";

export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: ReactNode;
  error?: string;
  children: (props: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="mb-4">
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      {children({ id, "aria-describedby": `${id}-hint`, "aria-invalid": Boolean(error) })}
      <p
        id={`${id}-hint`}
        className={`mt-1 text-small ${error ? "text-invalid" : "text-ink-2"}`}
        role={error ? "alert" : undefined}
      >
        {error ?? hint}
      </p>
    </div>
  );
}

/** How a form ends: what is wrong, and the button that submits it, in sight however long the form is. */
export function FormEnd({
  error,
  children,
  ...button
}: { error: string | undefined } & Pick<ComponentProps<typeof Button>, "icon" | "keys" | "children" | "disabled">) {
  return (
    <div className="sticky -bottom-4 z-10 -mx-4 -mb-4 rounded-b-[9px] border-t border-line bg-pane px-4 py-3">
      {error && (
        <p role="alert" className="mb-3 max-h-[20vh] overflow-auto text-invalid">
          {error}
        </p>
      )}
      <div className="flex justify-end">
        <Button look="primary" type="submit" {...button}>
          {children}
        </Button>
      </div>
    </div>
  );
}

export function Switch({
  label,
  hint,
  checked,
  onChange,
}: {
  label: string;
  hint?: string;
  checked: boolean;
  onChange: (now: boolean) => void;
}) {
  const id = useId();
  return (
    <div className="mb-4 flex items-start gap-3">
      <BaseSwitch.Root
        aria-labelledby={id}
        checked={checked}
        onCheckedChange={onChange}
        className="mt-0.5 flex h-5 w-9 shrink-0 rounded-full border border-ink-3 bg-hover p-px data-checked:border-accent data-checked:bg-accent"
      >
        <BaseSwitch.Thumb className="size-4 rounded-full bg-ink-2 data-checked:translate-x-4 data-checked:bg-accent-ink" />
      </BaseSwitch.Root>
      <div>
        <div id={id} className="font-medium">
          {label}
        </div>
        {hint && <p className="text-small text-ink-2">{hint}</p>}
      </div>
    </div>
  );
}

export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (now: T) => void;
}) {
  return (
    <div role="radiogroup" aria-label={label} className="inline-flex rounded-[7px] border border-line bg-hover p-px">
      {options.map(([option, name]) => (
        <button
          key={option}
          type="button"
          role="radio"
          aria-checked={option === value}
          tabIndex={option === value ? 0 : -1}
          onClick={() => onChange(option)}
          onKeyDown={(event) => {
            const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
            if (!step) return;
            event.preventDefault();
            event.stopPropagation();
            const at = (options.findIndex(([one]) => one === value) + step + options.length) % options.length;
            onChange(options[at]![0]);
            (event.currentTarget.parentElement?.children[at] as HTMLElement | undefined)?.focus();
          }}
          className={`rounded-md px-2.5 py-0.5 text-small ${option === value ? "bg-pane font-medium text-ink" : "text-ink-2"}`}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

/** What a sender was answered; an imported request's may not be known. */
export function Status({ status, className = "" }: { status: number; className?: string }) {
  const colour = status === 0 ? "text-ink-2" : status < 400 ? "text-valid" : "text-invalid";
  return <strong className={`font-semibold ${colour} ${className}`}>{status || "—"}</strong>;
}

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
  const colour = { invalid: "text-invalid", warning: "text-warning", plain: "text-ink-2" }[tone];
  return (
    <div
      role={tone === "plain" ? undefined : "alert"}
      className="flex gap-3 rounded-[9px] border border-line bg-background p-3"
    >
      <Icon size={18} aria-hidden className={`mt-px shrink-0 ${colour}`} />
      <div className="min-w-0">
        <div className={`font-medium ${colour}`}>{title}</div>
        <div className="text-ink-2">{children}</div>
      </div>
    </div>
  );
}
