/** A list in which order means something: what rules and forwards have in common. */
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import type { ReactNode } from "react";

import { Button, IconButton } from "../../ui/button";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";

/** One of a list that is edited; its key stays when it moves. */
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
  /** What one is called: "rule". */
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
              <div className="mb-3 flex items-center gap-1">
                <input
                  aria-label={`Name of ${this_}`}
                  placeholder="Name"
                  className={INPUT}
                  value={value.name ?? ""}
                  onChange={(event) => change(key, { name: event.target.value } as Partial<T>)}
                />
                <label className="flex shrink-0 items-center gap-1 px-1">
                  <input
                    type="checkbox"
                    className="accent-accent"
                    checked={value.enabled ?? true}
                    onChange={(event) => change(key, { enabled: event.target.checked } as Partial<T>)}
                  />{" "}
                  on
                </label>
                <IconButton
                  label={`Move ${this_} up`}
                  icon={ArrowUp}
                  disabled={at === 0}
                  onClick={() => move(at, -1)}
                />
                <IconButton
                  label={`Move ${this_} down`}
                  icon={ArrowDown}
                  disabled={at === entries.length - 1}
                  onClick={() => move(at, 1)}
                />
                <IconButton
                  label={`Remove ${this_}`}
                  icon={X}
                  onClick={() => onChange(entries.filter((one) => one.key !== key))}
                />
              </div>
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
