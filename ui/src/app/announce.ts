/** Messages about changes: a job has ended, an endpoint was disabled, a saved search raised an alert. */
import { api, type CheckRun, type Endpoint, type Job, type Replay, type Summary, type Tunnel } from "../api/client";
import { keys } from "../api/keys";
import { queryClient } from "../api/refetch";
import { CallError, platform, type FeedItem } from "../platform";
import { count, visible } from "../ui/format";
import { tell, tellFailure, tellWithLink } from "../ui/toasts";
import { perform } from "./commands";

/** Maximum length of a request target in a notification, in characters. */
const TARGET_MAX = 200;

/** Messages about the end of a job, by kind. */
const ENDS: Record<Job["kind"], { done?: (job: Job) => string; failed?: (job: Job) => CallError }> = {
  backup: {
    done: ({ path }) => `Backup written to ${path}`,
    failed: ({ error }) =>
      new CallError({
        code: "backup_failed",
        message: `The backup failed: ${error}.`,
        hint: "Choose another path and try again.",
      }),
  },
  verify: {
    done: ({ total }) => `${total.toLocaleString()} stored ${total === 1 ? "request" : "requests"} verified again`,
    failed: ({ error }) =>
      new CallError({
        code: "check_failed",
        message: `Stored requests could not be verified: ${error}.`,
        hint: "Save the inbox settings again.",
      }),
  },
  import: {
    done: ({ imported, path }) => `${count(imported?.requests ?? 0)} imported from ${visible(path ?? "a file")}`,
    failed: ({ error, path }) =>
      new CallError({
        code: "import_failed",
        message: `The import of ${visible(path ?? "the file")} failed: ${error}.`,
        hint: "Correct the file and import it again.",
      }),
  },
  // The export dialog reports its own result.
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
  else tell(`Replay ${replay.state}: ${count(replay.delivered)} delivered, ${count(replay.failed)} failed`);
}

/** Announces the response to a single replayed request. */
async function tellResponse(replay: string): Promise<void> {
  const { items } = await api.deliveries({ replay, limit: 1 });
  const [sent] = items;
  if (!sent) return;
  const title = sent.status ? `Responded with ${sent.status}` : visible(sent.error ?? sent.reason ?? "No response");
  // A composed request shows its response itself.
  if (location.pathname === "/compose") return;
  if (sent.request) tellWithLink(title, "View", () => void perform("tab-response"));
  else tell(title);
}

function checkEnded(run: CheckRun): void {
  if (run.conclusion && run.conclusion !== "incomplete")
    tell(run.counts.fail ? `Checks finished: ${count(run.counts.fail)} failed` : "Checks finished: none failed");
}

function endpointDisabled({ name, url, state }: Endpoint): void {
  const [title, reason] = [`${name || url} was disabled`, state.reason ?? ""];
  tell(`${title}: ${reason}`);
  platform.notify?.(title, reason);
}

function alert(name: string, request: Summary, requests: number): void {
  const more = requests > 1 ? ` and ${count(requests - 1)} more` : "";
  const what = visible(`${request.event_type ?? request.method} ${request.target}`.slice(0, TARGET_MAX)) + more;
  tell(`${name}: ${what}`);
  platform.notify?.(name, what);
}

/** Last known size of the offline backlog of each tunnel. */
const backlogs = new Map<string, number>();

const backlogOf = (tunnel: Tunnel): number => tunnel.exposures.reduce((sum, exposure) => sum + exposure.backlog, 0);

/** Announces an offline backlog once, when its first requests arrive. */
function tunnelChanged(tunnel: Tunnel): void {
  const cached = queryClient.getQueryData<{ items: Tunnel[] }>(keys.tunnels)?.items.find(({ id }) => id === tunnel.id);
  const before = backlogs.get(tunnel.id) ?? (cached && backlogOf(cached));
  const now = backlogOf(tunnel);
  backlogs.set(tunnel.id, now);
  if (before === 0 && now > 0) tell("Requests arrived while you were offline. Open Tunnels to forward or keep them.");
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
    case "saved_search_matched":
      return alert(item.name, item.request, item.requests);
  }
}
