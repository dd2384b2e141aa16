/** One answer of a rule: what a sender gets, or the fault it meets. */
import { FileUp, X } from "lucide-react";

import type { InboxResponse } from "../../api/client";
import { Button, IconButton } from "../../ui/button";
import { INPUT } from "../../ui/input";
import { size, visible } from "../../ui/format";
import { Headers } from "../../ui/header-fields";
import { attempt } from "../../ui/toasts";
import { NumberInput } from "../../ui/input";
import { platform } from "../../platform";

type Fault = NonNullable<InboxResponse["fault"]>["kind"];

/** What each fault does, as a sender sees it. */
const FAULTS: readonly (readonly [Fault | "none", string])[] = [
  ["none", "answers"],
  ["reset", "resets the connection"],
  ["hang", "hangs"],
  ["half", "sends half a response"],
  ["drip", "drips slowly"],
  ["garbage", "sends garbage"],
];

export const ANSWER: InboxResponse = {
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

export function OneAnswer({
  number,
  answer,
  onChange,
  onRemove,
}: {
  number: number | undefined;
  answer: InboxResponse;
  onChange: (now: InboxResponse) => void;
  onRemove: (() => void) | undefined;
}) {
  const set = (change: Partial<InboxResponse>): void => onChange({ ...answer, ...change });
  const kind = answer.fault?.kind ?? "none";
  const silent = kind === "reset" || kind === "hang";
  const of = number ? ` of answer ${number}` : "";
  return (
    <fieldset className="mb-3 border-l-2 border-line pl-3">
      <legend className="sr-only">{number ? `Answer ${number}` : "Answer"}</legend>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        {number && <span className="w-5 text-ink-2">{number}.</span>}
        <select
          aria-label={`What it does${of}`}
          className={`${INPUT} w-44!`}
          value={kind}
          onChange={(event) =>
            set({
              fault:
                event.target.value === "none"
                  ? null
                  : event.target.value === "drip"
                    ? { kind: "drip", over_ms: 10_000 }
                    : ({ kind: event.target.value } as InboxResponse["fault"]),
            })
          }
        >
          {FAULTS.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        {!silent && (
          <NumberInput
            aria-label={`Status${of}`}
            required
            min={200}
            max={599}
            className="w-20!"
            value={answer.status}
            onChange={(now) => set({ status: now ?? 0 })}
          />
        )}
        <label className="flex items-center gap-1">
          after{" "}
          <NumberInput
            aria-label={`Delay in ms${of}`}
            min={0}
            max={60_000}
            className="w-24!"
            value={answer.delay_ms}
            onChange={(now) => set({ delay_ms: now ?? 0 })}
          />{" "}
          ms
        </label>
        {answer.fault?.kind === "drip" && (
          <label className="flex items-center gap-1">
            over{" "}
            <NumberInput
              aria-label={`Time of the drip in ms${of}`}
              required
              min={1}
              max={300_000}
              className="w-24!"
              value={answer.fault.over_ms}
              onChange={(now) => set({ fault: { kind: "drip", over_ms: now ?? 0 } })}
            />{" "}
            ms
          </label>
        )}
        {onRemove && <IconButton label={`Remove answer ${number}`} icon={X} onClick={onRemove} />}
      </div>
      {!silent && !answer.file && (
        <>
          <textarea
            aria-label={`Body${of}`}
            rows={2}
            spellCheck={false}
            placeholder="Body"
            className={`${INPUT} h-auto! py-1 font-mono text-data`}
            value={answer.body}
            onChange={(event) => set({ body: event.target.value })}
          />
          <label className="mb-2 flex items-center gap-1 text-small">
            <input
              type="checkbox"
              className="accent-accent"
              checked={answer.template ?? false}
              onChange={(event) => set({ template: event.target.checked })}
            />{" "}
            a template: <code className="font-mono">{"{{ request.json.id }}"}</code> is filled in
          </label>
        </>
      )}
      {!silent && (
        <div className="mb-2 flex flex-wrap items-center gap-3">
          {answer.file && (
            <>
              <span className="min-w-0 truncate">
                Body from {visible(answer.file.name)}, {size(answer.file.bytes)}
              </span>
              <Button onClick={() => set({ file: null })}>Write it instead</Button>
            </>
          )}
          <Button
            icon={FileUp}
            onClick={() => void attempt(pickedFile().then((file) => file && set({ file, body: "", template: false })))}
          >
            {answer.file ? "Another file" : "Body from a file"}
          </Button>
        </div>
      )}
      {!silent && <Headers of={of} headers={answer.headers} onChange={(headers) => set({ headers })} />}
    </fieldset>
  );
}
