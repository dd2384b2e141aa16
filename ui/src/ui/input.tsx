/** Bare inputs. A form uses the fields around them; where there is no room for a label, `aria-label` names one. */
import { useEffect, useRef, useState, type ComponentProps, type ReactNode } from "react";

/** Classes of an input, for inputs that another library renders. */
export const INPUT = "control w-full rounded-[7px] border border-line bg-control px-2 text-ink placeholder:text-ink-3";
const MONO = "font-mono text-data";

const looks = (mono: boolean | undefined, more: string): string => `${INPUT} ${mono ? MONO : ""} ${more}`;

export interface InputProps extends Omit<ComponentProps<"input">, "value" | "onChange"> {
  value: string;
  onChange: (now: string) => void;
  /** For text whose every character counts: URLs, headers, secrets. */
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

/** A secret: hidden while it is typed, and nothing a browser keeps. */
export function SecretInput({ autoComplete = "off", ...rest }: Omit<InputProps, "type">) {
  return <Input {...rest} type="password" autoComplete={autoComplete} spellCheck={false} />;
}

export interface TextAreaProps extends Omit<ComponentProps<"textarea">, "value" | "onChange"> {
  value: string;
  onChange: (now: string) => void;
}

/** Text of several lines, whose every character counts. */
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

/** A number. While the input is empty its value is `undefined`, and a form that requires it is not sent. */
export function NumberInput({ value, onChange, className = "", ...rest }: NumberInputProps) {
  const [typed, setTyped] = useState(value === undefined ? "" : String(value));
  const editing = useRef(false);
  useEffect(() => {
    // The text stays as typed while the input has the focus.
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
