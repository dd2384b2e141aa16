import { Switch as BaseSwitch } from "@base-ui/react/switch";
import { useId } from "react";

/** A switch without a visible label. */
export function Toggle({
  label,
  checked,
  onChange,
}: {
  label: string;
  checked: boolean;
  onChange: (now: boolean) => void;
}) {
  return (
    <BaseSwitch.Root
      aria-label={label}
      checked={checked}
      onCheckedChange={onChange}
      className="flex h-4.5 w-8 shrink-0 rounded-full border border-ink-3 bg-hover p-px data-checked:border-accent data-checked:bg-accent"
    >
      <BaseSwitch.Thumb className="size-3.5 rounded-full bg-ink-2 data-checked:translate-x-3.5 data-checked:bg-accent-ink" />
    </BaseSwitch.Root>
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
