/** Handler checks: runs, and what each came to. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import {
  ArrowLeft,
  Ban,
  CheckCircle2,
  CircleAlert,
  CircleHelp,
  ClipboardCheck,
  Download,
  MinusCircle,
  RotateCw,
  Trash2,
  TriangleAlert,
  XCircle,
  type LucideIcon,
} from "lucide-react";
import { useState } from "react";

import { api, type Asked, type CheckRun } from "../../api/client";
import { keys } from "../../api/keys";
import { firstKeys, useCommands } from "../../app/commands";
import { refetch } from "../../api/refetch";
import { useChecks } from "../../api/queries";
import { confirm } from "../../ui/confirm";
import { Button, IconButton } from "../../ui/button";
import { Select } from "../../ui/input";
import { age, count, duration, moment, visible } from "../../ui/format";
import { useNow } from "../../ui/now";
import { attempt, tell } from "../../ui/toasts";
import { platform } from "../../platform";
import { Snippets } from "../signature";
import { CheckDialog } from "./check-form";

type Outcome = Asked["outcome"];

const OUTCOMES: Record<Outcome, { icon: LucideIcon; colour: string; word: string; group: string }> = {
  fail: { icon: XCircle, colour: "text-invalid", word: "failed", group: "Failed" },
  error: { icon: CircleAlert, colour: "text-invalid", word: "not to be asked", group: "Could not be asked" },
  warn: { icon: TriangleAlert, colour: "text-warning", word: "to look at", group: "To look at" },
  unknown: { icon: CircleHelp, colour: "text-ink-2", word: "unknown", group: "Unknown" },
  pass: { icon: CheckCircle2, colour: "text-valid", word: "passed", group: "Passed" },
  skipped: { icon: MinusCircle, colour: "text-ink-3", word: "not asked", group: "Not asked" },
};

const VERDICTS: Record<NonNullable<CheckRun["verdict"]>, readonly [string, string]> = {
  right: ["Right", "text-valid"],
  weak: ["Right, with weaknesses", "text-warning"],
  wrong: ["Wrong", "text-invalid"],
  unfinished: ["Not finished", "text-ink-2"],
};

const verdict = (run: CheckRun): readonly [string, string] =>
  run.verdict ? VERDICTS[run.verdict] : ["Under way", "text-ink-2"];

const asked = ({ counts }: CheckRun): number => Object.values(counts).reduce((sum, one) => sum + one, 0);

/** Requests of one check that are shown; a saved report has all. */
const SHOWN = 12;

export function ChecksPage({ id }: { id: string | undefined }) {
  const items = useChecks().data?.items;
  const now = useNow(1_000);
  const [beginning, setBeginning] = useState(false);
  useCommands({ "check-handler": () => setBeginning(true) });
  if (!items) return null;
  return (
    <div className={`grid h-full min-h-0 ${id ? "grid-cols-[minmax(18rem,2fr)_5fr] max-lg:grid-cols-1" : ""}`}>
      <section aria-label="Handler checks" className={`min-w-0 overflow-auto p-6 ${id ? "max-lg:hidden" : ""}`}>
        <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
          <h1 className="text-title font-semibold tracking-tight">Handler checks</h1>
          <Button
            look={items.length ? "plain" : "primary"}
            icon={ClipboardCheck}
            keys={firstKeys("check-handler")}
            onClick={() => setBeginning(true)}
          >
            Check a handler
          </Button>
        </div>
        {items.length === 0 && (
          <p className="max-w-prose text-ink-2">
            Is your webhook handler right? Forty-eight questions, asked with real signed events of the vendor you
            choose: does it refuse what is forged or stale, does a repeat have one effect, does it stand what it does
            not know. One verdict, and what to do.
          </p>
        )}
        <ul>
          {items.map((run) => {
            const [word, colour] = verdict(run);
            return (
              <li key={run.id} className={`border-b border-line ${run.id === id ? "bg-selection" : "hover:bg-hover"}`}>
                <Link to="/checks/{-$check}" params={{ check: run.id }} className="block px-2 py-2">
                  <span className="flex justify-between gap-2">
                    <strong className={colour}>{word}</strong>
                    <span className="text-small text-ink-2">{age(run.created_at, now)}</span>
                  </span>
                  <span className="block truncate font-mono text-data">{visible(run.settings.url ?? "")}</span>
                  <span className="text-small text-ink-2">
                    {run.ended_at
                      ? `${run.settings.provider}, ${count(run.counts.fail)} failed`
                      : `${run.settings.provider}, ${asked(run)} of ${run.total}`}
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      </section>
      {id && <Report key={id} id={id} others={items.filter((run) => run.id !== id && run.ended_at)} />}
      <CheckDialog open={beginning} onClose={() => setBeginning(false)} />
    </div>
  );
}

function Report({ id, others }: { id: string; others: CheckRun[] }) {
  const { data, error } = useQuery({ queryKey: keys.checkReport(id), queryFn: () => api.checkReport(id) });
  const [compared, setCompared] = useState("");
  const navigate = useNavigate();
  if (error) return <p className="p-6 text-ink-2">This run is not there; the oldest roll over.</p>;
  if (!data) return null;
  const { run, checks } = data;
  const [word, colour] = verdict(run);
  const running = !run.ended_at;
  const again = (only: string[]): void => void attempt(api.againCheck(id, only));
  const save = (form: "json" | "html" | "junit"): void =>
    void attempt(
      platform
        .saveTo(`/api/v1/checks/${id}/report?as=${form}`, `check.${form === "junit" ? "xml" : form}`)
        .then((name) => name && tell(`Saved ${name}`)),
    );
  const remove = async (): Promise<void> => {
    if (!(await confirm("Remove this run?", "Its results and what was sent for it are deleted.", "Remove"))) return;
    await api.removeCheck(id);
    await refetch(keys.checks);
    await navigate({ to: "/checks/{-$check}", params: { check: undefined } });
  };
  return (
    <article aria-label="Report" className="min-h-0 min-w-0 overflow-auto border-l border-line bg-pane p-6">
      <Link
        to="/checks/{-$check}"
        params={{ check: undefined }}
        className="mb-2 inline-flex items-center gap-1 text-ink-2 lg:hidden"
      >
        <ArrowLeft size={15} aria-hidden /> All runs
      </Link>
      <h2 className={`text-[22px] font-semibold tracking-tight ${colour}`} aria-live="polite">
        {word}
      </h2>
      <p>
        <code className="font-mono text-data break-all">{visible(run.settings.url ?? "")}</code> checked as{" "}
        {data.provider}
      </p>
      <p className="text-ink-2">
        {(Object.keys(OUTCOMES) as Outcome[])
          .map((outcome) => `${run.counts[outcome]} ${OUTCOMES[outcome].word}`)
          .join(", ")}{" "}
        · begun {moment(run.created_at)}
      </p>
      {run.reason && <p className="mt-1">{visible(run.reason)}</p>}
      {running && (
        <progress aria-label="How far it is" className="mt-2 h-1.5 w-64" max={run.total || 1} value={asked(run)} />
      )}
      <div className="my-3 flex flex-wrap items-center gap-2">
        {running ? (
          <Button icon={Ban} onClick={() => void attempt(api.cancelCheck(id))}>
            Cancel
          </Button>
        ) : (
          <>
            <Button icon={RotateCw} onClick={() => again([])}>
              {asked(run) < run.total ? "Go on" : "Ask again what did not pass"}
            </Button>
            <Button icon={Download} onClick={() => save("html")}>
              Page
            </Button>
            <Button icon={Download} onClick={() => save("junit")}>
              JUnit
            </Button>
            <Button icon={Download} onClick={() => save("json")}>
              JSON
            </Button>
            {others.length > 0 && (
              <Select
                aria-label="Compare with"
                className="w-44!"
                value={compared}
                options={[
                  ["", "Compare with…"],
                  ...others.map((other) => [other.id, `${moment(other.created_at)}, ${verdict(other)[0]}`] as const),
                ]}
                onChange={setCompared}
              />
            )}
            <IconButton label="Remove this run" icon={Trash2} onClick={() => void attempt(remove())} />
          </>
        )}
      </div>
      {compared && <Compared before={compared} after={id} />}
      {(Object.keys(OUTCOMES) as Outcome[]).map((outcome) => {
        const of = checks.filter((check) => check.outcome === outcome);
        if (of.length === 0) return null;
        return (
          <section key={outcome} aria-label={OUTCOMES[outcome].group} className="mb-4">
            <h3 className="mb-1 font-semibold">
              {OUTCOMES[outcome].group} <span className="text-small font-normal text-ink-2">{of.length}</span>
            </h3>
            <ul>
              {of.map((check) => (
                <OneCheck key={check.id} check={check} onAgain={running ? undefined : () => again([check.id])} />
              ))}
            </ul>
          </section>
        );
      })}
      {data.snippets.length > 0 && (
        <Snippets provider={run.settings.provider ?? ""} scheme={run.settings.scheme ?? null} />
      )}
    </article>
  );
}

function OneCheck({ check, onAgain }: { check: Asked; onAgain: (() => void) | undefined }) {
  const { icon: Icon, colour } = OUTCOMES[check.outcome];
  const bad = check.outcome === "fail" || check.outcome === "warn";
  const [open, setOpen] = useState(false);
  return (
    <li className="border-t border-line">
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="flex cursor-default gap-2 py-1.5 hover:bg-hover">
          <Icon size={16} aria-hidden className={`mt-0.5 shrink-0 ${colour}`} />
          <span className="min-w-0 flex-1">
            <span className="font-medium">
              {check.number}. {check.question}
            </span>{" "}
            <span className={bad ? "" : "text-ink-2"}>{visible(check.said)}</span>
            {bad && <span className="block text-ink-2">{check.advice}</span>}
          </span>
        </summary>
        {open && (
          <div className="pb-3 pl-6">
            <p>
              {check.why}{" "}
              <span className="text-ink-2">
                {check.source}; {check.level === "advice" ? "advice" : `a handler ${check.level} pass it`}.
              </span>
            </p>
            {onAgain && (
              <div className="my-2">
                <Button icon={RotateCw} onClick={onAgain}>
                  Ask this again
                </Button>
              </div>
            )}
            {check.sent.slice(0, SHOWN).map((shot, place) => (
              <Shot key={place} shot={shot} />
            ))}
            {check.sent.length > SHOWN && (
              <p className="text-small text-ink-2">
                And {count(check.sent.length - SHOWN)} more; a saved report has them.
              </p>
            )}
          </div>
        )}
      </details>
    </li>
  );
}

const lines = (text: string): string => text.split("\n").map(visible).join("\n");

function Shot({ shot }: { shot: Asked["sent"][number] }) {
  const head = (pairs: string[][]): string =>
    pairs.map(([name, value]) => `${name}: ${visible(value ?? "")}`).join("\n");
  const sent = `${shot.method} ${visible(shot.url)}\n${head(shot.headers)}\n\n${lines(shot.body)}${shot.body_bytes > shot.body.length ? `\n(${count(shot.body_bytes)} bytes)` : ""}`;
  const came = shot.answer ? `${shot.answer.status}\n${head(shot.answer.headers)}\n\n${lines(shot.answer.body)}` : "";
  return (
    <div className="mt-2">
      <p className="text-small text-ink-2">
        {visible(shot.label)} · {shot.answer ? `answered ${shot.answer.status}` : "no answer"} in{" "}
        {duration(shot.timings.total_us / 1000)}
      </p>
      {shot.error && <p className="text-invalid">{visible(shot.error.message)}</p>}
      <div className="grid grid-cols-2 gap-2 max-xl:grid-cols-1">
        {[sent, came].filter(Boolean).map((text, place) => (
          <pre
            key={place}
            tabIndex={0}
            aria-label={place ? "Answered" : "Sent"}
            className="max-h-60 overflow-auto rounded-[7px] border border-line p-2 font-mono text-data break-all whitespace-pre-wrap"
          >
            {text}
          </pre>
        ))}
      </div>
    </div>
  );
}

function Compared({ before, after }: { before: string; after: string }) {
  const { data } = useQuery({
    queryKey: ["check-comparison", before, after],
    queryFn: () => api.compareChecks(before, after),
  });
  if (!data) return null;
  const word = (outcome: Outcome | null | undefined): string => (outcome ? OUTCOMES[outcome].word : "not in it");
  return (
    <section aria-label="Compared" className="mb-4 rounded-[9px] border border-line p-3">
      <h3 className="mb-1 font-semibold">Since the run of {moment(data.before.created_at)}</h3>
      {data.changed.length === 0 && <p className="text-ink-2">Both came to the same.</p>}
      <ul>
        {data.changed.map((one) => (
          <li key={one.id}>
            {one.number}. {one.question}{" "}
            <span className={one.before ? OUTCOMES[one.before].colour : "text-ink-2"}>{word(one.before)}</span> →{" "}
            <span className={one.after ? OUTCOMES[one.after].colour : "text-ink-2"}>{word(one.after)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
