/** Form fields: a label, an input, and a help text or an error below. */
import { useId, useState, type ComponentProps, type ReactNode } from "react";

import { Choice } from "./choice";
import {
  Input,
  NumberInput,
  SecretInput,
  TextArea,
  type InputProps,
  type NumberInputProps,
  type TextAreaProps,
} from "./input";
import { SearchSelect, Select, type SearchSelectProps, type SelectProps } from "./select";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string;
}

/** Attributes that connect an input with its label and its help text. */
interface FieldInput {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

/** Attributes of an input that consists of several elements. */
interface LabelledInput extends FieldInput {
  "aria-labelledby": string;
}

const labelled = (input: FieldInput): LabelledInput => ({ ...input, "aria-labelledby": `${input.id}-label` });

/** A field around any input. */
export function Field({ label, hint, error, children }: FieldProps & { children: (input: FieldInput) => ReactNode }) {
  const id = useId();
  return (
    <div className="mb-4">
      <label id={`${id}-label`} htmlFor={id} className="mb-1 block font-medium">
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

export function TextField({ label, hint, error, ...rest }: FieldProps & InputProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) => <Input {...input} {...rest} />}
    </Field>
  );
}

export function SecretField({ label, hint, error, ...rest }: FieldProps & Omit<InputProps, "type">) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) => <SecretInput {...input} {...rest} />}
    </Field>
  );
}

export function TextAreaField({ label, hint, error, ...rest }: FieldProps & TextAreaProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) => <TextArea {...input} {...rest} />}
    </Field>
  );
}

export function NumberField({ label, hint, error, ...rest }: FieldProps & NumberInputProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) => <NumberInput {...input} {...rest} />}
    </Field>
  );
}

export function SelectField<T extends string>({ label, hint, error, ...rest }: FieldProps & SelectProps<T>) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) => <Select {...labelled(input)} {...rest} />}
    </Field>
  );
}

export function SearchSelectField({ label, hint, error, ...rest }: FieldProps & SearchSelectProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) => <SearchSelect {...labelled(input)} {...rest} />}
    </Field>
  );
}

/** A segmented control with a label above it. */
export function ChoiceField<T extends string>({
  label,
  hint,
  ...rest
}: ComponentProps<typeof Choice<T>> & { hint?: string }) {
  return (
    <div className="mb-4">
      <span className="mb-1 block font-medium">{label}</span>
      <Choice label={label} {...rest} />
      {hint && <p className="mt-1 text-small text-ink-2">{hint}</p>}
    </div>
  );
}

/** Patterns for parsing a list and separators for formatting it. */
const SEPARATORS = { comma: { read: /,/, write: ", " }, line: { read: /[\s,]+/, write: "\n" } } as const;

/** A field for a list of texts, separated by commas or lines. */
export function ListField({
  label,
  hint,
  error,
  value,
  onChange,
  by = "comma",
  ...rest
}: FieldProps & {
  value: readonly string[];
  onChange: (now: string[]) => void;
  by?: keyof typeof SEPARATORS;
} & Pick<TextAreaProps, "rows" | "placeholder">) {
  const { read, write } = SEPARATORS[by];
  // The text stays as typed, because a trailing comma would get lost in the list.
  const [text, setText] = useState(value.join(write));
  const change = (now: string): void => {
    setText(now);
    onChange(
      now
        .split(read)
        .map((item) => item.trim())
        .filter(Boolean),
    );
  };
  return (
    <Field label={label} hint={hint} error={error}>
      {(input) =>
        by === "line" ? (
          <TextArea {...input} {...rest} value={text} onChange={change} />
        ) : (
          <Input {...input} mono value={text} onChange={change} placeholder={rest.placeholder} />
        )
      }
    </Field>
  );
}
