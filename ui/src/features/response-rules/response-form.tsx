/** One response of a rule: what a sender gets, or the fault it meets. */
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
  /** Of which response, where there are several: part of each input's name. */
  of: string;
  set: (change: Partial<InboxResponse>) => void;
}

/** Faults as a sender sees them. */
const FAULTS: readonly (readonly [Fault | "none", string])[] = [
  ["none", "answers"],
  ["reset", "resets the connection"],
  ["hang", "hangs"],
  ["half", "sends half a response"],
  ["drip", "drips slowly"],
  ["garbage", "sends garbage"],
];

/** How long a slow body takes, if nothing else is said. */
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

/** A file the user picks, kept by the engine as it is now. */
async function pickedFile(): Promise<InboxResponse["file"] | undefined> {
  const [file] = await platform.pickFiles();
  return (
    file &&
    ((await file.sendTo(`/api/v1/answer-files?${new URLSearchParams({ name: file.name })}`)) as InboxResponse["file"])
  );
}

function faultOf(type: Fault | "none"): InboxResponse["fault"] {
  if (type === "none") return null;
  return type === "drip" ? { type, over_ms: SLOW_MS } : { type };
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
  const of = number ? ` of answer ${number}` : "";
  const part = { response, of, set };
  return (
    <fieldset className="mb-3 border-l-2 border-line pl-3">
      <legend className="sr-only">{number ? `Answer ${number}` : "Answer"}</legend>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        {number && <span className="w-5 text-ink-2">{number}.</span>}
        <Select
          aria-label={`What it does${of}`}
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
        {onRemove && <IconButton label={`Remove answer ${number}`} icon={X} onClick={onRemove} />}
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
        after{" "}
        <NumberInput
          aria-label={`Delay in ms${of}`}
          min={0}
          max={60_000}
          className="w-24!"
          value={delay_ms}
          onChange={(now) => set({ delay_ms: now ?? 0 })}
        />{" "}
        ms
      </label>
      {fault?.type === "drip" && (
        <label className="flex items-center gap-1">
          over{" "}
          <NumberInput
            aria-label={`Time of the drip in ms${of}`}
            required
            min={1}
            max={300_000}
            className="w-24!"
            value={fault.over_ms}
            onChange={(now) => set({ fault: { type: "drip", over_ms: now ?? 0 } })}
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
        a template: <code className="font-mono">{"{{ request.json.id }}"}</code> is filled in
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
          <Button onClick={() => set({ file: null })}>Write it instead</Button>
        </>
      )}
      <Button icon={FileUp} onClick={pick}>
        {file ? "Another file" : "Body from a file"}
      </Button>
    </div>
  );
}
