/** An inbox's rules and forwards: which requests are answered in another way, and where they go on to. */
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import { useState } from "react";

import { api, type Forward, type Inbox, type InboxAnswer, type Rule } from "../api/client";
import { Button, Choice, Dialog, Field, FormEnd, IconButton, INPUT, Switch } from "../parts/controls";
import { tell } from "../parts/toasts";
import { inWords } from "../platform/platform";

type Fault = NonNullable<InboxAnswer["fault"]>["kind"];

/** What each fault does, as a sender sees it. */
const FAULTS: readonly (readonly [Fault | "none", string])[] = [
  ["none", "answers"],
  ["reset", "resets the connection"],
  ["hang", "hangs"],
  ["half", "sends half a response"],
  ["drip", "drips slowly"],
  ["garbage", "sends garbage"],
];

const ANSWER: InboxAnswer = { status: 200, headers: [], body: "", delay_ms: 0, cors: false, fault: null, template: false, file: null };
const FALLBACK: InboxAnswer = { ...ANSWER, status: 502, body: "The app behind this address did not answer.\n" };

const moved = <T,>(list: readonly T[], at: number, by: number): T[] => {
  const all = [...list];
  const [one] = all.splice(at, 1);
  all.splice(at + by, 0, one!);
  return all;
};

export function AnsweringDialog({ inbox, open, onClose }: { inbox: Inbox; open: boolean; onClose: () => void }) {
  return (
    <Dialog title={`Rules and forwards of ${inbox.name}`} open={open} onClose={onClose} wide>
      <AnsweringForm inbox={inbox} onClose={onClose} />
    </Dialog>
  );
}

/** Stands only while the dialog is open, so that nothing writes over what is being typed. */
function AnsweringForm({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [rules, setRules] = useState<Rule[]>(inbox.rules);
  const [forwards, setForwards] = useState<Forward[]>(inbox.forwards);
  const [byPath, setByPath] = useState(inbox.status_by_path);
  const [error, setError] = useState<string>();
  const setRule = (at: number, change: Partial<Rule>): void => setRules(rules.map((rule, place) => (place === at ? { ...rule, ...change } : rule)));
  const setForward = (at: number, change: Partial<Forward>): void => setForwards(forwards.map((one, place) => (place === at ? { ...one, ...change } : one)));
  const save = async (): Promise<void> => {
    try {
      await api.changeInbox(inbox.name, { rules, forwards, status_by_path: byPath });
      onClose();
      tell("Rules and forwards saved");
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <p className="mb-3 text-ink-2">The first rule that matches answers. What no rule answers goes to a forward that asks its app, else the inbox answers.</p>
      <h3 className="mb-2 font-semibold">Rules</h3>
      <ol>
        {rules.map((rule, at) => (
          <li key={at} aria-label={`Rule ${at + 1}`} className="mb-3 rounded-[9px] border border-line p-3">
            <Head
              what={`rule ${at + 1}`}
              name={rule.name ?? ""}
              enabled={rule.enabled ?? true}
              first={at === 0}
              last={at === rules.length - 1}
              onName={(name) => setRule(at, { name })}
              onEnabled={(enabled) => setRule(at, { enabled })}
              onMove={(by) => setRules(moved(rules, at, by))}
              onRemove={() => setRules(rules.filter((_, place) => place !== at))}
            />
            <When value={rule.when ?? ""} onChange={(when) => setRule(at, { when })} />
            {rule.answers.map((answer, place) => (
              <OneAnswer
                key={place}
                number={rule.answers.length > 1 ? place + 1 : undefined}
                answer={answer}
                onChange={(now) => setRule(at, { answers: rule.answers.map((other, other_) => (other_ === place ? now : other)) })}
                onRemove={rule.answers.length > 1 ? () => setRule(at, { answers: rule.answers.filter((_, other) => other !== place) }) : undefined}
              />
            ))}
            <div className="flex flex-wrap items-center gap-3">
              <Button icon={Plus} onClick={() => setRule(at, { answers: [...rule.answers, { ...rule.answers.at(-1)! }] })}>
                {rule.answers.length > 1 ? "Next answer" : "Make it a sequence"}
              </Button>
              {rule.answers.length > 1 && (
                <>
                  <Choice label="Counted by" value={rule.per ?? "event"} options={[["event", "by event"], ["inbox", "by inbox"]]} onChange={(per) => setRule(at, { per })} />
                  <Choice label="Then" value={rule.at_end ?? "last"} options={[["last", "then the last"], ["first", "then anew"], ["next_rule", "then the next rule"]]} onChange={(at_end) => setRule(at, { at_end })} />
                </>
              )}
            </div>
          </li>
        ))}
      </ol>
      <Button icon={Plus} className="mb-4" onClick={() => setRules([...rules, { id: "", name: "", enabled: true, when: "", answers: [{ ...ANSWER }], per: "event", at_end: "last" }])}>
        Add rule
      </Button>
      <Switch label="Status by path" hint={`/${inbox.name}/status/503 is answered 503.`} checked={byPath} onChange={setByPath} />
      <h3 className="mb-2 border-t border-line pt-3 font-semibold">Forwards</h3>
      <ol>
        {forwards.map((forward, at) => (
          <li key={at} aria-label={`Forward ${at + 1}`} className="mb-3 rounded-[9px] border border-line p-3">
            <Head
              what={`forward ${at + 1}`}
              name={forward.name ?? ""}
              enabled={forward.enabled ?? true}
              first={at === 0}
              last={at === forwards.length - 1}
              onName={(name) => setForward(at, { name })}
              onEnabled={(enabled) => setForward(at, { enabled })}
              onMove={(by) => setForwards(moved(forwards, at, by))}
              onRemove={() => setForwards(forwards.filter((_, place) => place !== at))}
            />
            <Field label="To" hint="What stands behind the inbox's name in a path is put behind it.">
              {(props) => <input {...props} className={`${INPUT} font-mono text-data`} value={forward.to} placeholder="http://localhost:3000/webhooks" spellCheck={false} onChange={(event) => setForward(at, { to: event.target.value })} />}
            </Field>
            <When value={forward.when ?? ""} onChange={(when) => setForward(at, { when })} />
            <div className="mb-3">
              <Choice label="Mode" value={forward.mode ?? "copy"} options={[["copy", "Copy, behind the answer"], ["answer", "Answer as the app does"]]} onChange={(mode) => setForward(at, { mode })} />
            </div>
            {forward.mode === "answer" && (
              <div className="flex gap-4">
                <Field label="Wait for the app, in ms" hint="Then the sender gets the fallback.">
                  {(props) => <input {...props} type="number" min={1} className={INPUT} value={forward.deadline_ms ?? 9_000} onChange={(event) => setForward(at, { deadline_ms: event.target.valueAsNumber || 1 })} />}
                </Field>
                <Field label="Fallback status">
                  {(props) => (
                    <input {...props} type="number" min={200} max={599} className={INPUT} value={forward.fallback?.status ?? 502} onChange={(event) => setForward(at, { fallback: { ...(forward.fallback ?? FALLBACK), status: event.target.valueAsNumber || 0 } })} />
                  )}
                </Field>
              </div>
            )}
            <Switch label="Sign anew" hint="With the inbox's secret and a new timestamp." checked={forward.resign ?? false} onChange={(resign) => setForward(at, { resign })} />
          </li>
        ))}
      </ol>
      <Button icon={Plus} className="mb-4" onClick={() => setForwards([...forwards, { to: "" }])}>
        Add forward
      </Button>
      <FormEnd error={error}>Save</FormEnd>
    </form>
  );
}

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

function Head({ what, name, enabled, first, last, onName, onEnabled, onMove, onRemove }: HeadProps) {
  return (
    <div className="mb-3 flex items-center gap-1">
      <input aria-label={`Name of ${what}`} placeholder="Name" className={INPUT} value={name} onChange={(event) => onName(event.target.value)} />
      <label className="flex shrink-0 items-center gap-1 px-1">
        <input type="checkbox" className="accent-accent" checked={enabled} onChange={(event) => onEnabled(event.target.checked)} /> on
      </label>
      <IconButton label={`Move ${what} up`} icon={ArrowUp} disabled={first} onClick={() => onMove(-1)} />
      <IconButton label={`Move ${what} down`} icon={ArrowDown} disabled={last} onClick={() => onMove(1)} />
      <IconButton label={`Remove ${what}`} icon={X} onClick={onRemove} />
    </div>
  );
}

function When({ value, onChange }: { value: string; onChange: (now: string) => void }) {
  return (
    <Field label="When" hint="A query; empty is every request.">
      {(props) => <input {...props} className={`${INPUT} font-mono text-data`} value={value} placeholder="event:chat.closed method:POST" spellCheck={false} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}

function OneAnswer({ number, answer, onChange, onRemove }: { number: number | undefined; answer: InboxAnswer; onChange: (now: InboxAnswer) => void; onRemove: (() => void) | undefined }) {
  const set = (change: Partial<InboxAnswer>): void => onChange({ ...answer, ...change });
  const kind = answer.fault?.kind ?? "none";
  const silent = kind === "reset" || kind === "hang";
  const of = number ? ` of answer ${number}` : "";
  return (
    <fieldset className="mb-3 border-l-2 border-line pl-3">
      <legend className="sr-only">{number ? `Answer ${number}` : "Answer"}</legend>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        {number && <span className="w-5 text-ink-2">{number}.</span>}
        <select aria-label={`What it does${of}`} className={`${INPUT} w-44!`} value={kind} onChange={(event) => set({ fault: event.target.value === "none" ? null : event.target.value === "drip" ? { kind: "drip", over_ms: 10_000 } : ({ kind: event.target.value } as InboxAnswer["fault"]) })}>
          {FAULTS.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        {!silent && <input aria-label={`Status${of}`} type="number" min={200} max={599} className={`${INPUT} w-20!`} value={answer.status} onChange={(event) => set({ status: event.target.valueAsNumber || 0 })} />}
        <label className="flex items-center gap-1">
          after <input aria-label={`Delay in ms${of}`} type="number" min={0} max={60_000} className={`${INPUT} w-24!`} value={answer.delay_ms} onChange={(event) => set({ delay_ms: event.target.valueAsNumber || 0 })} /> ms
        </label>
        {answer.fault?.kind === "drip" && (
          <label className="flex items-center gap-1">
            over <input aria-label={`Time of the drip in ms${of}`} type="number" min={1} max={300_000} className={`${INPUT} w-24!`} value={answer.fault.over_ms} onChange={(event) => set({ fault: { kind: "drip", over_ms: event.target.valueAsNumber || 1 } })} /> ms
          </label>
        )}
        {onRemove && <IconButton label={`Remove answer ${number}`} icon={X} onClick={onRemove} />}
      </div>
      {!silent && !answer.file && (
        <>
          <textarea aria-label={`Body${of}`} rows={2} spellCheck={false} placeholder="Body" className={`${INPUT} h-auto! py-1 font-mono text-data`} value={answer.body} onChange={(event) => set({ body: event.target.value })} />
          <label className="flex items-center gap-1 text-small">
            <input type="checkbox" className="accent-accent" checked={answer.template ?? false} onChange={(event) => set({ template: event.target.checked })} /> a template: <code className="font-mono">{"{{ request.json.id }}"}</code> is filled in
          </label>
        </>
      )}
      {answer.file && <p className="text-small text-ink-2">from the file {answer.file.name}</p>}
    </fieldset>
  );
}
