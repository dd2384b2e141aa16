/** An ordered list of editable entries, shared by rules and forwards. */
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import type { ReactNode } from "react";

import { Button, IconButton } from "../../ui/button";
import { TextField } from "../../ui/field";
import { Checkbox, Input } from "../../ui/input";

/** An entry of an edited list. Its key stays the same when it moves. */
export interface Entry<T> {
  key: number;
  value: T;
}

let keys = 0;
export const entry = <T,>(value: T): Entry<T> => ({ key: ++keys, value });

interface Named {
  name?: string;
  enabled?: boolean;
}

interface Props<T> {
  /** Noun for an entry, such as "rule". */
  what: string;
  entries: readonly Entry<T>[];
  fresh: () => T;
  onChange: (now: Entry<T>[]) => void;
  children: (value: T, change: (to: Partial<T>) => void, number: number) => ReactNode;
}

export function Entries<T extends Named>({ what, entries, fresh, onChange, children }: Props<T>) {
  const change = (key: number, to: Partial<T>): void =>
    onChange(entries.map((one) => (one.key === key ? { key, value: { ...one.value, ...to } } : one)));
  const move = (at: number, by: 1 | -1): void =>
    onChange(entries.with(at, entries[at + by]!).with(at + by, entries[at]!));
  return (
    <>
      <ol>
        {entries.map(({ key, value }, at) => {
          const this_ = `${what} ${at + 1}`;
          return (
            <li key={key} aria-label={this_} className="mb-3 rounded-[9px] border border-line p-3">
              <EntryHead
                what={this_}
                name={value.name ?? ""}
                enabled={value.enabled ?? true}
                onChange={(to) => change(key, to as Partial<T>)}
                onMove={{
                  up: at > 0 ? () => move(at, -1) : undefined,
                  down: at < entries.length - 1 ? () => move(at, 1) : undefined,
                }}
                onRemove={() => onChange(entries.filter((one) => one.key !== key))}
              />
              {children(value, (to) => change(key, to), at + 1)}
            </li>
          );
        })}
      </ol>
      <Button icon={Plus} className="mb-4" onClick={() => onChange([...entries, entry(fresh())])}>
        Add {what}
      </Button>
    </>
  );
}

/** The header of an entry: name, enabled state and position. */
function EntryHead({
  what,
  name,
  enabled,
  onChange,
  onMove: { up, down },
  onRemove,
}: {
  what: string;
  name: string;
  enabled: boolean;
  onChange: (to: Named) => void;
  /** Actions that move the entry. Undefined at the ends of the list. */
  onMove: { up: (() => void) | undefined; down: (() => void) | undefined };
  onRemove: () => void;
}) {
  return (
    <div className="mb-3 flex items-center gap-1">
      <Input
        aria-label={`Name of ${what}`}
        placeholder="Name"
        value={name}
        onChange={(now) => onChange({ name: now })}
      />
      <Checkbox className="shrink-0 gap-1 px-1" checked={enabled} onChange={(now) => onChange({ enabled: now })}>
        enabled
      </Checkbox>
      <IconButton label={`Move ${what} up`} icon={ArrowUp} disabled={!up} onClick={up} />
      <IconButton label={`Move ${what} down`} icon={ArrowDown} disabled={!down} onClick={down} />
      <IconButton label={`Remove ${what}`} icon={X} onClick={onRemove} />
    </div>
  );
}

export function When({ value, onChange }: { value: string; onChange: (now: string) => void }) {
  return (
    <TextField
      label="When"
      hint="Search query. Empty matches every request."
      mono
      value={value}
      placeholder="event:chat.closed method:POST"
      onChange={onChange}
    />
  );
}
