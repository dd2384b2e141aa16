/** What a rule and a forward have in common: a name, a place in the list, a condition. */
import { ArrowDown, ArrowUp, X } from "lucide-react";

import { Field, IconButton, INPUT } from "../parts/controls";

interface HeadProps {
  what: string;
  name: string;
  enabled: boolean;
  first: boolean;
  last: boolean;
  onName: (name: string) => void;
  onEnabled: (enabled: boolean) => void;
  onMove: (by: 1 | -1) => void;
  onRemove: () => void;
}

export function Head({ what, name, enabled, first, last, onName, onEnabled, onMove, onRemove }: HeadProps) {
  return (
    <div className="mb-3 flex items-center gap-1">
      <input
        aria-label={`Name of ${what}`}
        placeholder="Name"
        className={INPUT}
        value={name}
        onChange={(event) => onName(event.target.value)}
      />
      <label className="flex shrink-0 items-center gap-1 px-1">
        <input
          type="checkbox"
          className="accent-accent"
          checked={enabled}
          onChange={(event) => onEnabled(event.target.checked)}
        />{" "}
        on
      </label>
      <IconButton label={`Move ${what} up`} icon={ArrowUp} disabled={first} onClick={() => onMove(-1)} />
      <IconButton label={`Move ${what} down`} icon={ArrowDown} disabled={last} onClick={() => onMove(1)} />
      <IconButton label={`Remove ${what}`} icon={X} onClick={onRemove} />
    </div>
  );
}

export function When({ value, onChange }: { value: string; onChange: (now: string) => void }) {
  return (
    <Field label="When" hint="A query; empty is every request.">
      {(props) => (
        <input
          {...props}
          className={`${INPUT} font-mono text-data`}
          value={value}
          placeholder="event:chat.closed method:POST"
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
