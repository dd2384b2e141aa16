/** The fields of a digest scheme. */
import { NumberField, SelectField, TextField } from "../../ui/field";
import { ALGORITHMS, ENCODINGS, headerOf, KEYS, UNITS, type DigestRule } from "./digest-rule";

interface Props {
  rule: DigestRule;
  set: (change: Partial<DigestRule>) => void;
}

const same = (values: readonly string[]) => values.map((one) => [one, one] as const);

export function DigestFields({ rule, set, headers }: Props & { headers: readonly string[] }) {
  return (
    <>
      <div className="grid grid-cols-2 gap-x-4 max-sm:grid-cols-1">
        <SelectField
          label="Signature header"
          value={headerOf(rule)}
          options={[["", "Choose a header"], ...same(headers)]}
          onChange={(now) => set({ signature: [`header:${now}`] })}
        />
        <TextField
          label="Prefix"
          hint="Such as sha256= or v1=."
          mono
          value={rule.prefix ?? ""}
          onChange={(prefix) => set({ prefix })}
        />
        <SelectField
          label="Algorithm"
          value={rule.algorithm}
          options={same(ALGORITHMS)}
          onChange={(algorithm) => set({ algorithm })}
        />
        <SelectField
          label="Encoding"
          value={rule.encoding ?? "hex"}
          options={same(ENCODINGS)}
          onChange={(encoding) => set({ encoding })}
        />
        <SelectField
          label="Secret encoding"
          value={rule.key ?? "text"}
          options={KEYS}
          onChange={(key) => set({ key })}
        />
        <TextField
          label="Separator"
          hint="Separates several items in one header, such as a comma."
          maxLength={4}
          mono
          value={rule.split ?? ""}
          onChange={(split) => set({ split })}
        />
      </div>
      <TextField
        label="Signed payload"
        hint="Template with {body}, {url}, {path}, {method}, {header:Name}, {signature:t}, {json:a.b}, {secret}."
        mono
        value={rule.content}
        onChange={(content) => set({ content })}
      />
      <TimestampFields rule={rule} set={set} />
    </>
  );
}

function TimestampFields({ rule: { timestamp }, set }: Props) {
  const change = (from: string): void =>
    set({ timestamp: from ? { unit: "s", past_s: 300, future_s: 300, ...timestamp, from } : undefined });
  return (
    <div className="grid grid-cols-[2fr_1fr_1fr] gap-x-4 max-sm:grid-cols-1">
      <TextField
        label="Timestamp"
        hint="header:Name or signature:t; empty if there is none."
        mono
        value={timestamp?.from ?? ""}
        onChange={change}
      />
      {timestamp && (
        <>
          <SelectField
            label="Unit"
            value={timestamp.unit}
            options={UNITS as readonly (readonly [string, string])[]}
            onChange={(unit) => set({ timestamp: { ...timestamp, unit } })}
          />
          <NumberField
            label="Tolerance (s)"
            min={1}
            value={timestamp.past_s}
            onChange={(now) => set({ timestamp: { ...timestamp, past_s: now, future_s: now } })}
          />
        </>
      )}
    </div>
  );
}
