/** Editable lists of headers. */
import { Plus, X } from "lucide-react";

import { Button, IconButton } from "./button";
import { Checkbox, Input } from "./input";

interface Header {
  name: string;
  value: string;
  secret?: boolean;
}

interface Props<H> {
  headers: readonly H[];
  onChange: (now: H[]) => void;
  legend?: string;
  /** Suffix that makes the names of the inputs unique if there are several lists. */
  of?: string;
}

/** A list of headers, each optionally marked as secret. */
export function SecretHeaderFields({ headers, onChange, legend = "Headers", of = "" }: Props<Header>) {
  return <Rows headers={headers} onChange={onChange} legend={legend} of={of} withSecrets />;
}

/** A list of headers as pairs of a name and a value. */
export function HeaderFields({ headers, onChange, legend = "Headers", of = "" }: Props<string[]>) {
  return (
    <Rows
      headers={headers.map(([name = "", value = ""]) => ({ name, value }))}
      onChange={(now) => onChange(now.map(({ name, value }) => [name, value]))}
      legend={legend}
      of={of}
    />
  );
}

function Rows({ headers, onChange, legend, of, withSecrets }: Required<Props<Header>> & { withSecrets?: boolean }) {
  const set = (place: number, change: Partial<Header>): void =>
    onChange(headers.map((header, at) => (at === place ? { ...header, ...change } : header)));
  return (
    <fieldset className="mb-4">
      <legend className="mb-1 font-medium">{legend}</legend>
      {headers.map(({ name, value, secret }, place) => (
        <div key={place} className="mb-1 flex items-center gap-1">
          <Input
            mono
            aria-label={`Name of header ${place + 1}${of}`}
            className="w-2/5!"
            value={name}
            onChange={(now) => set(place, { name: now })}
          />
          <Input
            mono
            aria-label={`Value of header ${place + 1}${of}`}
            type={secret ? "password" : "text"}
            autoComplete="off"
            value={value}
            onChange={(now) => set(place, { value: now })}
          />
          {withSecrets && (
            <Checkbox
              className="gap-1 text-small"
              checked={secret ?? false}
              onChange={(now) => set(place, { secret: now })}
            >
              secret
            </Checkbox>
          )}
          <IconButton
            label={`Remove header ${place + 1}${of}`}
            icon={X}
            onClick={() => onChange(headers.filter((_, at) => at !== place))}
          />
        </div>
      ))}
      <Button
        icon={Plus}
        onClick={() => onChange([...headers, { name: "", value: "", ...(withSecrets && { secret: false }) }])}
      >
        Add header
      </Button>
    </fieldset>
  );
}
