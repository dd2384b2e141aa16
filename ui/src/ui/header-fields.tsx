/** A list of headers that is edited. */
import { Plus, X } from "lucide-react";

import { Button, IconButton } from "./button";
import { INPUT } from "./input";

interface Props {
  headers: readonly string[][];
  onChange: (now: string[][]) => void;
  legend?: string;
  /** Of what, where there are several lists: part of each field's name. */
  of?: string;
}

export function Headers({ headers, onChange, legend = "Headers", of = "" }: Props) {
  const set = (place: number, part: 0 | 1, text: string): void =>
    onChange(headers.map((header, at) => (at === place ? (part ? [header[0]!, text] : [text, header[1]!]) : header)));
  return (
    <fieldset className="mb-4">
      <legend className="mb-1 font-medium">{legend}</legend>
      {headers.map(([name, value], place) => (
        <div key={place} className="mb-1 flex gap-1">
          <input
            aria-label={`Name of header ${place + 1}${of}`}
            className={`${INPUT} w-2/5! font-mono text-data`}
            value={name}
            spellCheck={false}
            onChange={(event) => set(place, 0, event.target.value)}
          />
          <input
            aria-label={`Value of header ${place + 1}${of}`}
            className={`${INPUT} font-mono text-data`}
            value={value}
            spellCheck={false}
            onChange={(event) => set(place, 1, event.target.value)}
          />
          <IconButton
            label={`Remove header ${place + 1}${of}`}
            icon={X}
            onClick={() => onChange(headers.filter((_, at) => at !== place))}
          />
        </div>
      ))}
      <Button icon={Plus} onClick={() => onChange([...headers, ["", ""]])}>
        Add header
      </Button>
    </fieldset>
  );
}
