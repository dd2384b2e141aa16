/** Messages about changes: a job has ended, an endpoint was disabled, a saved search has an alert. */
import { api, type CheckRun, type Endpoint, type Job, type Replay, type Summary, type Tunnel } from "../api/client";
import { keys } from "../api/keys";
import { queryClient } from "../api/refetch";
import { CallError, platform, type FeedItem } from "../platform";
import { count, visible } from "../ui/format";
import { tell, tellFailure } from "../ui/toasts";

/** Longest part of a request's target in a notification, in characters. */
const TARGET_MAX = 200;

/** Message about the end of a job, by its kind. */
const ENDS: Record<Job["kind"], { done?: (job: Job) => string; failed?: (job: Job) => CallError }> = {
  backup: {
    done: ({ path }) => `Backup written to ${path}`,
    failed: ({ error }) =>
      new CallError({ code: "backup_failed", message: `The backup failed: ${error}.`, hint: "Choose another place." }),
  },
  judge: {
    done: ({ total }) => `${total.toLocaleString()} stored requests judged anew`,
    failed: ({ error }) =>
      new CallError({
        code: "judge_failed",
        message: `Stored requests could not be judged: ${error}.`,
        hint: "Save the inbox's settings again.",
      }),
  },
  import: {
    done: ({ imported, path }) => `${count(imported?.requests ?? 0)} imported from ${visible(path ?? "a file")}`,
    failed: ({ error, path }) =>
      new CallError({
        code: "import_failed",
        message: `${visible(path ?? "The file")} was not imported to its end: ${error}.`,
        hint: "Mend the file and import it again.",
      }),
  },
  // The dialog that saves an export says how it ended.
  export: {},
};

function jobEnded(job: Job): void {
  const { done, failed } = ENDS[job.kind];
  if (job.state === "done" && done) tell(done(job));
  if (job.state === "failed" && failed) tellFailure(failed(job));
}

function replayEnded(replay: Replay): void {
  if (!replay.ended_at) return;
  if (replay.total === 1) void tellResponse(replay.id);
  else tell(`Replay ${replay.state}: ${count(replay.delivered)} answered 2xx, ${count(replay.failed)} failed`);
}

/** Says which response one replayed request got. */
async function tellResponse(replay: string): Promise<void> {
  const { items } = await api.deliveries({ replay, limit: 1 });
  const [sent] = items;
  if (sent) tell(sent.status ? `Answered ${sent.status}` : visible(sent.error ?? sent.reason ?? "No answer"));
}

function checkEnded(run: CheckRun): void {
  if (run.verdict && run.verdict !== "unfinished")
    tell(run.counts.fail ? `Checked: ${count(run.counts.fail)} failed` : "Checked: nothing failed");
}

function endpointDisabled({ name, url, state }: Endpoint): void {
  const [title, reason] = [`${name || url} was switched off`, state.reason ?? ""];
  tell(`${title}: ${reason}`);
  platform.notify?.(title, reason);
}

function alert(name: string, request: Summary, requests: number): void {
  const more = requests > 1 ? ` and ${count(requests - 1)} more` : "";
  const what = visible(`${request.event_type ?? request.method} ${request.target}`.slice(0, TARGET_MAX)) + more;
  tell(`${name}: ${what}`);
  platform.notify?.(name, what);
}

/** Size of each tunnel's offline backlog when it was last heard of. */
const backlogs = new Map<string, number>();

const backlogOf = (tunnel: Tunnel): number => tunnel.exposures.reduce((sum, exposure) => sum + exposure.away, 0);

/** Announces an offline backlog once, when its first requests are there. */
function tunnelChanged(tunnel: Tunnel): void {
  const cached = queryClient.getQueryData<{ items: Tunnel[] }>(keys.tunnels)?.items.find(({ id }) => id === tunnel.id);
  const before = backlogs.get(tunnel.id) ?? (cached && backlogOf(cached));
  const now = backlogOf(tunnel);
  backlogs.set(tunnel.id, now);
  if (before === 0 && now > 0) tell("Requests arrived while away: what becomes of them?");
}

export function announce(item: FeedItem): void {
  switch (item.type) {
    case "job_changed":
      return jobEnded(item.job);
    case "replay_changed":
      return replayEnded(item.replay);
    case "check_changed":
      return checkEnded(item.check);
    case "tunnel_changed":
      return tunnelChanged(item.tunnel);
    case "endpoint_disabled":
      return endpointDisabled(item.endpoint);
    case "query_matched":
      return alert(item.name, item.request, item.requests);
  }
}
