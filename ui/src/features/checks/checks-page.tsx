/** The page of handler checks: the runs and the report of one run. */
import { Link } from "@tanstack/react-router";
import { ClipboardCheck } from "lucide-react";
import { useState } from "react";

import { useChecks } from "../../api/queries";
import { firstKeys, useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { age, count, visible } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Empty, Page } from "../../ui/page";
import { CheckDialog } from "./check-form";
import { CheckReport } from "./check-report";
import { doneOf, conclusion } from "./outcomes";

export function ChecksPage({ id }: { id: string | undefined }) {
  const items = useChecks().data?.items;
  const now = useNow(1_000);
  const [beginning, setBeginning] = useState(false);
  useCommands({ "check-handler": () => setBeginning(true) });
  if (!items) return null;
  return (
    <div className={`grid h-full min-h-0 ${id ? "grid-cols-[minmax(18rem,2fr)_5fr] max-lg:grid-cols-1" : ""}`}>
      <div className={`h-full min-h-0 min-w-0 ${id ? "max-lg:hidden" : ""}`}>
        <Page
          title="Handler checks"
          actions={
            <Button
              look={items.length ? "plain" : "primary"}
              icon={ClipboardCheck}
              keys={firstKeys("check-handler")}
              onClick={() => setBeginning(true)}
            >
              Check handler
            </Button>
          }
        >
          {items.length === 0 && (
            <Empty icon={ClipboardCheck} action={<Button onClick={() => setBeginning(true)}>Check handler</Button>}>
              Test a webhook handler with signed events of the vendor you choose. The checks cover forged and expired
              signatures, duplicates, unknown events and malformed requests. The report says what to fix.
            </Empty>
          )}
          <ul>
            {items.map((run) => {
              const [word, color] = conclusion(run);
              return (
                <li
                  key={run.id}
                  className={`border-b border-line ${run.id === id ? "bg-selection" : "hover:bg-hover"}`}
                >
                  <Link to="/checks/{-$check}" params={{ check: run.id }} className="block px-2 py-2">
                    <span className="flex justify-between gap-2">
                      <strong className={color}>{word}</strong>
                      <span className="text-small text-ink-2">{age(run.created_at, now)}</span>
                    </span>
                    <span className="block truncate font-mono text-data">{visible(run.settings.url ?? "")}</span>
                    <span className="text-small text-ink-2">
                      {run.ended_at
                        ? `${run.settings.provider}, ${count(run.counts.fail)} failed`
                        : `${run.settings.provider}, ${doneOf(run)} of ${run.total}`}
                    </span>
                  </Link>
                </li>
              );
            })}
          </ul>
        </Page>
      </div>
      {id && <CheckReport key={id} id={id} others={items.filter((run) => run.id !== id && run.ended_at)} />}
      <CheckDialog open={beginning} onClose={() => setBeginning(false)} />
    </div>
  );
}
