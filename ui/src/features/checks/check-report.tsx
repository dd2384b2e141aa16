import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, Ban, Download, RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";

import { api, type CheckRun } from "../../api/client";
import { keys } from "../../api/keys";
import { useProviders } from "../../api/queries";
import { refetch } from "../../api/refetch";
import { Button, IconButton } from "../../ui/button";
import { confirm } from "../../ui/confirm";
import { moment, visible } from "../../ui/format";
import { Progress } from "../../ui/progress";
import { Select } from "../../ui/select";
import { attempt } from "../../ui/toasts";
import { saveFile } from "../../ui/transfer";
import { Snippets } from "../signature";
import { CheckResult } from "./check-result";
import { Comparison } from "./comparison";
import { OutcomeBar } from "./outcome-bar";
import { doneOf, OUTCOME_ORDER, OUTCOMES, conclusion, type Outcome } from "./outcomes";

/** Outcomes that need no attention. Their groups are folded. */
const QUIET: ReadonlySet<Outcome> = new Set(["pass", "skipped"]);

export function CheckReport({ id, others }: { id: string; others: CheckRun[] }) {
  const { data, error } = useQuery({ queryKey: keys.checkReport(id), queryFn: () => api.checkReport(id) });
  const [compared, setCompared] = useState("");
  const navigate = useNavigate();
  const providers = useProviders().data?.items;
  if (error) return <p className="p-6 text-ink-2">This run was not found. The oldest runs are deleted by retention.</p>;
  if (!data) return null;
  const { run, checks } = data;
  const [word, color] = conclusion(run);
  const running = !run.ended_at;
  const provider = providers?.find((one) => one.id === data.provider)?.name ?? data.provider;
  const again = (only: string[]): void => void attempt(api.againCheck(id, only));
  const save = (form: "json" | "html" | "junit"): void =>
    saveFile(`/api/v1/checks/${id}/report?as=${form}`, `check.${form === "junit" ? "xml" : form}`);
  const remove = async (): Promise<void> => {
    if (!(await confirm("Delete this run?", "This deletes the results and the requests that were sent.", "Delete")))
      return;
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
      <h2 className={`text-[22px] font-semibold tracking-tight ${color}`} aria-live="polite">
        {word}
      </h2>
      <p>
        <code className="font-mono text-data break-all">{visible(run.settings.url ?? "")}</code> checked as {provider}
      </p>
      <p className="text-ink-2">started {moment(run.created_at)}</p>
      {run.reason && <p className="mt-1">{visible(run.reason)}</p>}
      {running && <Progress label="Progress" className="mt-2 w-64" max={run.total} value={doneOf(run)} />}
      <OutcomeBar counts={run.counts} total={run.total} />
      <div className="my-3 flex flex-wrap items-center gap-2">
        {running ? (
          <Button icon={Ban} onClick={() => void attempt(api.cancelCheck(id))}>
            Cancel
          </Button>
        ) : (
          <>
            <Button icon={RotateCw} onClick={() => again([])}>
              {doneOf(run) < run.total ? "Continue" : "Rerun unpassed checks"}
            </Button>
            <Button icon={Download} onClick={() => save("html")}>
              Save as HTML
            </Button>
            <Button icon={Download} onClick={() => save("junit")}>
              Save as JUnit
            </Button>
            <Button icon={Download} onClick={() => save("json")}>
              Save as JSON
            </Button>
            {others.length > 0 && (
              <Select
                aria-label="Compare with"
                className="w-44!"
                value={compared}
                options={[
                  ["", "Compare with…"],
                  ...others.map((other) => [other.id, `${moment(other.created_at)}, ${conclusion(other)[0]}`] as const),
                ]}
                onChange={setCompared}
              />
            )}
            <IconButton label="Delete run" icon={Trash2} onClick={() => void attempt(remove())} />
          </>
        )}
      </div>
      {compared && <Comparison before={compared} after={id} />}
      {OUTCOME_ORDER.map((outcome) => {
        const of = checks.filter((check) => check.outcome === outcome);
        if (of.length === 0) return null;
        return (
          <details key={outcome} aria-label={OUTCOMES[outcome].group} className="mb-4" open={!QUIET.has(outcome)}>
            <summary className="mb-1 cursor-default">
              <h3 className="inline font-semibold">
                {OUTCOMES[outcome].group} <span className="text-small font-normal text-ink-2">{of.length}</span>
              </h3>
            </summary>
            <ul>
              {of.map((check) => (
                <CheckResult key={check.id} check={check} onAgain={running ? undefined : () => again([check.id])} />
              ))}
            </ul>
          </details>
        );
      })}
      {data.snippets.length > 0 && (
        <Snippets provider={run.settings.provider ?? ""} scheme={run.settings.scheme ?? null} />
      )}
    </article>
  );
}
