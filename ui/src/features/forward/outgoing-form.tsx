/** Fields for the changes to an outgoing request, shared by forwards and replays. */
import { useState } from "react";

import type { Forward } from "../../api/client";
import { Choice } from "../../ui/choice";
import { ListField, NumberField } from "../../ui/field";
import { HeaderFields } from "../../ui/header-fields";
import { Checkbox, Input } from "../../ui/input";

type HeaderRules = NonNullable<Forward["headers"]>;
type PathRule = NonNullable<Forward["path"]>;

/** The editable parts of an outgoing request; omitted parts keep their defaults. */
export interface OutgoingEdits {
  headers?: HeaderRules;
  path?: PathRule;
  timeout_ms?: number;
}

const RULES: HeaderRules = { set: [], remove: [], keep_host: false, forwarded: false, keep_hop_by_hop: false };

const SWITCHES = [
  ["keep_host", "Keep original Host header"],
  ["forwarded", "Add X-Forwarded-For, -Host and -Proto"],
  ["keep_hop_by_hop", "Keep hop-by-hop headers"],
] as const;

const PATHS = [
  ["append", "Append path"],
  ["strip", "Strip prefix"],
  ["exact", "Exact URL"],
] as const;

/** Returns true if a part differs from its default. */
const isSet = ({ headers, path, timeout_ms }: OutgoingEdits): boolean =>
  Boolean(headers && (headers.set.length || headers.remove.length || SWITCHES.some(([rule]) => headers[rule]))) ||
  (path ?? "append") !== "append" ||
  (timeout_ms ?? 10_000) !== 10_000;

/** The fields of an outgoing request. `of` makes the names of the fields unique in a form. */
export function OutgoingFields({
  value,
  of = "",
  onChange,
}: {
  value: OutgoingEdits;
  of?: string;
  onChange: (change: OutgoingEdits) => void;
}) {
  const rules = value.headers ?? RULES;
  const [open] = useState(isSet(value));
  const path = value.path ?? "append";
  const kind = typeof path === "string" ? path : "strip";
  const change = (to: Partial<HeaderRules>): void => onChange({ headers: { ...rules, ...to } });
  return (
    <details open={open} className="mb-4 border-l-2 border-line pl-3">
      <summary className="mb-2 cursor-default font-medium">Path, headers and timeout</summary>
      <div className="mb-3">
        <Choice
          label={`Path${of}`}
          value={kind}
          options={PATHS}
          onChange={(now) => onChange({ path: now === "strip" ? { strip: "/" } : now })}
        />
        {typeof path !== "string" && (
          <Input
            mono
            aria-label={`Prefix to strip${of}`}
            className="mt-2"
            value={path.strip}
            onChange={(strip) => onChange({ path: { strip } })}
          />
        )}
      </div>
      <HeaderFields legend="Set headers" of={of} headers={rules.set} onChange={(set) => change({ set })} />
      <ListField
        label={`Remove headers${of}`}
        hint="Comma-separated names."
        value={rules.remove}
        onChange={(remove) => change({ remove })}
      />
      {SWITCHES.map(([rule, words]) => (
        <Checkbox key={rule} className="mb-1 gap-2" checked={rules[rule]} onChange={(now) => change({ [rule]: now })}>
          {words}
        </Checkbox>
      ))}
      <div className="mt-3">
        <NumberField
          label={`Timeout (ms)${of}`}
          hint="Maximum time for each response."
          required
          min={1}
          value={value.timeout_ms ?? 10_000}
          onChange={(now) => onChange({ timeout_ms: now ?? 0 })}
        />
      </div>
    </details>
  );
}
