import { useQuery } from "@tanstack/react-query";
import { Copy, FileWarning, Play } from "lucide-react";
import { useState } from "react";

import { api, type Scenario } from "../../api/client";
import { keys } from "../../api/keys";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { visible, visibleLines } from "../../ui/format";
import { Page } from "../../ui/page";
import { Notice } from "../../ui/notice";
import { copyText } from "../../ui/transfer";
import { duration } from "./lasts";
import { RecentRuns } from "./recent-runs";
import { RunForm } from "./run-form";

function Steps({ steps }: { steps: Scenario["steps"] }) {
  return (
    <ol className="mt-1 flex flex-wrap items-center gap-x-1.5 gap-y-1">
      {steps.map(({ event, after_ms }, place) => (
        <li key={place} className="flex items-center gap-1.5">
          {place > 0 && <span className="text-small text-ink-2">{after_ms ? `— ${duration(after_ms)} →` : "→"}</span>}
          <code className="rounded border border-line bg-background px-1.5 font-mono text-data">{visible(event)}</code>
        </li>
      ))}
    </ol>
  );
}

/** The page of scenarios: sequences of related events. */
export function ScenariosPage() {
  const { data } = useQuery({
    queryKey: keys.scenarios,
    queryFn: api.scenarios,
    staleTime: 0,
    refetchOnMount: "always",
  });
  const [running, setRunning] = useState<Scenario>();
  const [shown, setShown] = useState<Scenario>();
  if (!data) return null;
  return (
    <Page
      title="Scenarios"
      subtitle={
        <>
          Sequences of events about the same chat, order or person. To add a custom scenario, put a file in{" "}
          <code className="font-mono text-data break-all text-ink">{data.folder}</code>. Start from any of these.
        </>
      }
    >
      {data.bad_files.map((reason) => (
        <div key={reason} className="mb-3">
          <Notice icon={FileWarning} tone="warning" title="A scenario file is invalid">
            <pre className="whitespace-pre-wrap">{visibleLines(reason)}</pre>
          </Notice>
        </div>
      ))}
      <RecentRuns />
      <ul className="rounded-[9px] border border-line bg-pane" data-testid="scenarios">
        {data.items.map((scenario) => (
          <li key={scenario.id} className="flex items-start gap-4 border-b border-line px-4 py-3 last:border-0">
            <div className="min-w-0 flex-1">
              <h2 className="flex flex-wrap items-baseline gap-x-3">
                <span className="font-medium">{visible(scenario.name)}</span>
                <span className="text-small text-ink-2">
                  {scenario.provider} · {duration(scenario.duration_ms)}
                  {scenario.own && " · custom"}
                </span>
              </h2>
              <p className="text-ink-2">{visible(scenario.about)}</p>
              <Steps steps={scenario.steps} />
            </div>
            <Button onClick={() => setShown(scenario)} aria-label={`View file of ${scenario.name}`}>
              View file
            </Button>
            <Button icon={Play} onClick={() => setRunning(scenario)} aria-label={`Run ${scenario.name}`}>
              Run
            </Button>
          </li>
        ))}
      </ul>
      <Dialog
        title={running ? visible(running.name) : ""}
        open={running !== undefined}
        onClose={() => setRunning(undefined)}
      >
        {running && <RunForm key={running.id} scenario={running} onClose={() => setRunning(undefined)} />}
      </Dialog>
      <Dialog
        title={shown ? `${shown.id}.toml` : ""}
        open={shown !== undefined}
        onClose={() => setShown(undefined)}
        wide
      >
        {shown && (
          <>
            <div className="mb-2 flex items-center justify-between gap-2">
              <p className="text-ink-2">Save a copy in the folder under another name to create a custom scenario.</p>
              <IconButton label="Copy file" icon={Copy} onClick={() => copyText(shown.file, "file")} />
            </div>
            <pre
              className="overflow-auto rounded-[9px] border border-line p-3 font-mono text-data whitespace-pre-wrap"
              tabIndex={0}
            >
              {visibleLines(shown.file)}
            </pre>
          </>
        )}
      </Dialog>
    </Page>
  );
}
