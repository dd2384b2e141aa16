/** Inputs without a label. Forms use the fields around them. Inputs without a field need `aria-label`. */
import { useEffect, useState, type ComponentProps, type KeyboardEvent, type ReactNode } from "react";

/** Classes of an input, also for inputs rendered by another library. */
export const INPUT = "control w-full rounded-[7px] border border-line bg-control px-2 text-ink placeholder:text-ink-3";
const MONO = "font-mono text-data";

const looks = (mono: boolean | undefined, more: string): string => `${INPUT} ${mono ? MONO : ""} ${more}`;

export interface InputProps extends Omit<ComponentProps<"input">, "value" | "onChange"> {
  value: string;
  onChange: (now: string) => void;
  /** True for exact text such as URLs, headers and secrets. */
  mono?: boolean;
}

export function Input({ mono, onChange, className = "", ...rest }: InputProps) {
  return (
    <input
      spellCheck={mono ? false : undefined}
      {...rest}
      className={looks(mono, className)}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** An input for a secret, hidden while typed and not stored by the browser. */
export function SecretInput({ autoComplete = "off", ...rest }: Omit<InputProps, "type">) {
  return <Input {...rest} type="password" autoComplete={autoComplete} spellCheck={false} />;
}

export interface TextAreaProps extends Omit<ComponentProps<"textarea">, "value" | "onChange"> {
  value: string;
  onChange: (now: string) => void;
}

/** An input for exact text of several lines. */
export function TextArea({ onChange, className = "", ...rest }: TextAreaProps) {
  return (
    <textarea
      spellCheck={false}
      {...rest}
      className={looks(true, `h-auto! py-1 ${className}`)}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

export interface NumberInputProps extends Omit<ComponentProps<"input">, "value" | "onChange" | "type"> {
  value: number | undefined;
  onChange: (now: number | undefined) => void;
}

/** An input for a number. The value of an empty input is `undefined`. The arrow keys change it by one step. */
export function NumberInput({ value, onChange, className = "", min, max, step, required, ...rest }: NumberInputProps) {
  const [typed, setTyped] = useState(value === undefined ? "" : String(value));
  const [editing, setEditing] = useState(false);
  useEffect(() => {
    // The text stays as typed while the input is focused.
    if (!editing) setTyped(value === undefined ? "" : String(value));
  }, [value, editing]);
  const number = Number(typed.replace(",", "."));
  const [low, high] = [min === undefined ? -Infinity : Number(min), max === undefined ? Infinity : Number(max)];
  const isBad = typed.trim() === "" ? Boolean(required) : Number.isNaN(number) || number < low || number > high;
  const change = (text: string): void => {
    setTyped(text);
    const now = Number(text.replace(",", "."));
    onChange(text.trim() === "" || Number.isNaN(now) ? undefined : now);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by === undefined || Number.isNaN(number)) return;
    event.preventDefault();
    const amount = step === undefined || step === "any" ? 1 : Number(step);
    change(String(Math.min(high, Math.max(low, (typed.trim() === "" ? Math.max(low, 0) : number) + by * amount))));
  };
  return (
    <input
      {...rest}
      type="text"
      inputMode="decimal"
      aria-invalid={isBad}
      title={isBad ? rangeText(low, high) : undefined}
      className={looks(false, `${isBad && !editing ? "border-invalid" : ""} ${className}`)}
      value={typed}
      onFocus={() => setEditing(true)}
      onBlur={() => setEditing(false)}
      onKeyDown={onKeyDown}
      onChange={(event) => change(event.target.value)}
    />
  );
}

/** Describes the allowed numbers. */
function rangeText(low: number, high: number): string {
  if (low === -Infinity && high === Infinity) return "Enter a number.";
  if (high === Infinity) return `Enter a number of at least ${low}.`;
  return low === -Infinity ? `Enter a number of at most ${high}.` : `Enter a number from ${low} to ${high}.`;
}

export function Checkbox({
  checked,
  onChange,
  children,
  className = "gap-2",
  title,
}: {
  checked: boolean;
  onChange: (now: boolean) => void;
  children: ReactNode;
  className?: string;
  title?: string;
}) {
  return (
    <label className={`flex items-center ${className}`} title={title}>
      <input
        type="checkbox"
        className="accent-accent"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />{" "}
      {children}
    </label>
  );
}
