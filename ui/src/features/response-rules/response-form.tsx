/** The form of one response of a rule, with optional fault injection. */
import { FileUp, X } from "lucide-react";

import type { InboxResponse } from "../../api/client";
import { platform } from "../../platform";
import { Button, IconButton } from "../../ui/button";
import { size, visible } from "../../ui/format";
import { HeaderFields } from "../../ui/header-fields";
import { Checkbox, NumberInput, TextArea } from "../../ui/input";
import { Select } from "../../ui/select";
import { attempt } from "../../ui/toasts";

type Fault = NonNullable<InboxResponse["fault"]>["type"];

interface PartProps {
  response: InboxResponse;
  /** Suffix that makes the names of the inputs unique if there are several responses. */
  of: string;
  set: (change: Partial<InboxResponse>) => void;
}

/** Labels of fault injection. */
const FAULTS: readonly (readonly [Fault | "none", string])[] = [
  ["none", "No fault"],
  ["reset", "Reset connection"],
  ["hang", "Hang"],
  ["truncate", "Truncate"],
  ["slow", "Slow"],
  ["garbage", "Garbage"],
];

/** Default duration of a slow response body, in ms. */
const SLOW_MS = 10_000;

export const EMPTY_RESPONSE: InboxResponse = {
  status: 200,
  headers: [],
  body: "",
  delay_ms: 0,
  cors: false,
  fault: null,
  template: false,
  file: null,
};

/** Asks for a file and uploads it. The engine stores its current content. */
async function pickedFile(): Promise<InboxResponse["file"] | undefined> {
  const [file] = await platform.pickFiles();
  return (
    file &&
    ((await file.sendTo(`/api/v1/response-files?${new URLSearchParams({ name: file.name })}`)) as InboxResponse["file"])
  );
}

function faultOf(type: Fault | "none"): InboxResponse["fault"] {
  if (type === "none") return null;
  return type === "slow" ? { type, over_ms: SLOW_MS } : { type };
}

export function ResponseFields({
  number,
  response,
  onChange,
  onRemove,
}: {
  number: number | undefined;
  response: InboxResponse;
  onChange: (now: InboxResponse) => void;
  onRemove: (() => void) | undefined;
}) {
  const set = (change: Partial<InboxResponse>): void => onChange({ ...response, ...change });
  const type = response.fault?.type ?? "none";
  const silent = type === "reset" || type === "hang";
  const of = number ? ` of response ${number}` : "";
  const part = { response, of, set };
  return (
    <fieldset className="mb-3 border-l-2 border-line pl-3">
      <legend className="sr-only">{number ? `Response ${number}` : "Response"}</legend>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        {number && <span className="w-5 text-ink-2">{number}.</span>}
        <Select
          aria-label={`Fault injection${of}`}
          className="w-44!"
          value={type}
          options={FAULTS}
          onChange={(now) => set({ fault: faultOf(now) })}
        />
        {!silent && (
          <NumberInput
            aria-label={`Status${of}`}
            required
            min={200}
            max={599}
            className="w-20!"
            value={response.status}
            onChange={(now) => set({ status: now ?? 0 })}
          />
        )}
        <Delays {...part} />
        {onRemove && <IconButton label={`Remove response ${number}`} icon={X} onClick={onRemove} />}
      </div>
      {!silent && !response.file && <WrittenBody {...part} />}
      {!silent && <BodyFile {...part} />}
      {!silent && <HeaderFields of={of} headers={response.headers} onChange={(headers) => set({ headers })} />}
    </fieldset>
  );
}

function Delays({ response: { delay_ms, fault }, of, set }: PartProps) {
  return (
    <>
      <label className="flex items-center gap-1">
        delay{" "}
        <NumberInput
          aria-label={`Delay (ms)${of}`}
          min={0}
          max={60_000}
          className="w-24!"
          value={delay_ms}
          onChange={(now) => set({ delay_ms: now ?? 0 })}
        />{" "}
        ms
      </label>
      {fault?.type === "slow" && (
        <label className="flex items-center gap-1">
          duration{" "}
          <NumberInput
            aria-label={`Slow response duration (ms)${of}`}
            required
            min={1}
            max={300_000}
            className="w-24!"
            value={fault.over_ms}
            onChange={(now) => set({ fault: { type: "slow", over_ms: now ?? 0 } })}
          />{" "}
          ms
        </label>
      )}
    </>
  );
}

function WrittenBody({ response: { body, template }, of, set }: PartProps) {
  return (
    <>
      <TextArea
        aria-label={`Body${of}`}
        rows={2}
        placeholder="Body"
        value={body}
        onChange={(now) => set({ body: now })}
      />
      <Checkbox
        className="mb-2 gap-1 text-small"
        checked={template ?? false}
        onChange={(now) => set({ template: now })}
      >
        Template: <code className="font-mono">{"{{ request.json.id }}"}</code> is replaced
      </Checkbox>
    </>
  );
}

function BodyFile({ response: { file }, set }: PartProps) {
  const pick = (): void =>
    void attempt(pickedFile().then((picked) => picked && set({ file: picked, body: "", template: false })));
  return (
    <div className="mb-2 flex flex-wrap items-center gap-3">
      {file && (
        <>
          <span className="min-w-0 truncate">
            Body from {visible(file.name)}, {size(file.bytes)}
          </span>
          <Button onClick={() => set({ file: null })}>Enter text</Button>
        </>
      )}
      <Button icon={FileUp} onClick={pick}>
        {file ? "Replace file" : "Choose body file"}
      </Button>
    </div>
  );
}
