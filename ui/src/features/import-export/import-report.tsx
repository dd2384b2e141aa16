import { X } from "lucide-react";

import { api, type Job } from "../../api/client";
import { useJob } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { count, moment, visible } from "../../ui/format";
import { Progress } from "../../ui/progress";
import { attempt } from "../../ui/toasts";

/** The progress and the result of one import. */
export function ImportReport({ job: begun, onShow }: { job: Job; onShow: (query: string) => void }) {
  const job = useJob(begun.id) ?? begun;
  const { imported } = job;
  const requests = imported?.requests ?? 0;
  const part = job.total > 0 ? Math.floor((100 * job.done) / job.total) : 0;
  return (
    <li className="mb-2 rounded-[7px] border border-line bg-background px-3 py-2">
      <div className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{visible(job.path ?? "")}</span>
        {job.state === "running" ? (
          <>
            <Progress label={`Import of ${job.path}`} value={part} max={100} className="w-28" />
            <IconButton label="Cancel" icon={X} onClick={() => void attempt(api.cancelJob(job.id))} />
          </>
        ) : (
          requests > 0 && <Button onClick={() => onShow(`source:${JSON.stringify(job.path)}`)}>Show requests</Button>
        )}
      </div>
      <p role="status" className={job.state === "failed" ? "text-invalid" : "text-ink-2"}>
        {job.state === "failed"
          ? `Import failed: ${job.error}.`
          : `${count(requests)} imported${imported?.inboxes.length ? ` into ${imported.inboxes.join(", ")}` : ""}${imported?.bad ? `, ${count(imported.bad)} skipped` : ""}${job.state === "canceled" ? ", then canceled" : ""}${job.state === "running" ? "…" : "."}`}
      </p>
      {imported?.before && (
        <p className="text-warning">
          This file was already imported at {moment(imported.before.at)}, with {count(imported.before.requests)}{" "}
          {imported.before.requests === 1 ? "request" : "requests"}.
        </p>
      )}
      {imported && imported.first_bad.length > 0 && (
        <details className="mt-1 text-small" open={imported.first_bad.length < 4}>
          <summary>Skipped entries</summary>
          <ul className="max-h-40 overflow-auto">
            {imported.first_bad.map(({ place, why }) => (
              <li key={place} className="break-words">
                <span className="font-mono">{place}</span>: {visible(why)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}
