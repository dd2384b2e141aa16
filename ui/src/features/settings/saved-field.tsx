/** Fields of settings that are saved on blur and show their own errors. */
import { useEffect, useState } from "react";

import { inWords } from "../../platform";
import { TextField } from "../../ui/field";
import type { InputProps } from "../../ui/input";

/** Returns an error of the API with the label of the field in place of the name of the setting. */
const named = (error: string, label: string): string =>
  error.replace(/`[a-z_.]+`/, label.replace(/ \(.*\)$/, "")).replaceAll("`", "");

type Props = { label: string; hint: string } & Omit<InputProps, "value" | "onChange">;

/** A text field that is saved on blur or Enter. */
export function SavedField({
  value,
  onSave,
  ...rest
}: Props & { value: string; onSave: (now: string) => Promise<void> }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  useEffect(() => setText(value), [value]);
  const save = async (): Promise<void> => {
    if (text === value) return;
    try {
      await onSave(text);
      setError(undefined);
    } catch (failure) {
      setError(named(inWords(failure), rest.label));
    }
  };
  return (
    <TextField
      {...rest}
      error={error}
      value={text}
      onChange={setText}
      onBlur={() => void save()}
      onKeyDown={(event) => event.key === "Enter" && void save()}
    />
  );
}

/** A field for a limit in units of `scale`. Empty means no limit. */
export function LimitField({
  label,
  hint,
  value,
  scale = 1,
  onSave,
}: {
  label: string;
  hint: string;
  value: number | null | undefined;
  scale?: number;
  onSave: (now: number | null) => Promise<void>;
}) {
  const save = async (text: string): Promise<void> => {
    const number = text.trim() === "" ? null : Math.round(Number(text) * scale);
    if (number !== null && number < 0) throw new Error(`The value must not be negative (got ${text}).`);
    if (Number.isNaN(number)) throw new Error(`The value must be a number (got ${text}).`);
    if (number !== (value ?? null)) await onSave(number);
  };
  return (
    <SavedField
      label={label}
      hint={hint}
      inputMode="decimal"
      className="max-w-40"
      placeholder="no limit"
      value={value ? String(value / scale) : ""}
      onSave={save}
    />
  );
}
