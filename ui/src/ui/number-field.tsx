import { useEffect, useRef, useState, type ComponentProps } from "react";

import { INPUT } from "./controls";

/** A number field that can be empty while a person types. Its value is then `undefined`, and a form with a required field is not sent. */
export function NumberField({
  value,
  onChange,
  className = "",
  ...rest
}: Omit<ComponentProps<"input">, "value" | "onChange" | "type"> & {
  value: number | undefined;
  onChange: (now: number | undefined) => void;
}) {
  const [typed, setTyped] = useState(value === undefined ? "" : String(value));
  const editing = useRef(false);
  useEffect(() => {
    // The text stays as typed while the field has the focus.
    if (!editing.current) setTyped(value === undefined ? "" : String(value));
  }, [value]);
  return (
    <input
      {...rest}
      type="number"
      className={`${INPUT} ${className}`}
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
