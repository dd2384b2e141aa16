/** Inputs without a label. Forms use the fields around them. Inputs without a field need `aria-label`. */
import { useEffect, useRef, useState, type ComponentProps, type ReactNode } from "react";

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

/** An input for a number. The value of an empty input is `undefined`. */
export function NumberInput({ value, onChange, className = "", ...rest }: NumberInputProps) {
  const [typed, setTyped] = useState(value === undefined ? "" : String(value));
  const editing = useRef(false);
  useEffect(() => {
    // The text stays as typed while the input is focused.
    if (!editing.current) setTyped(value === undefined ? "" : String(value));
  }, [value]);
  return (
    <input
      {...rest}
      type="number"
      className={looks(false, className)}
      value={typed}
      onFocus={() => (editing.current = true)}
      onBlur={() => (editing.current = false)}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(Number.isNaN(event.target.valueAsNumber) ? undefined : event.target.valueAsNumber);
      }}
    />
  );
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
