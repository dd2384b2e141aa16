import { useEffect, useRef, useState, type ComponentProps } from "react";

import { INPUT } from "./controls";

/** A number that can be emptied and typed anew. An empty field is `undefined`, and the form refuses it where it is required. */
export function NumberField({ value, onChange, className = "", ...rest }: Omit<ComponentProps<"input">, "value" | "onChange" | "type"> & { value: number | undefined; onChange: (now: number | undefined) => void }) {
  const [typed, setTyped] = useState(value === undefined ? "" : String(value));
  const editing = useRef(false);
  useEffect(() => {
    // What the person is typing stays, whatever number it stands for meanwhile.
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
