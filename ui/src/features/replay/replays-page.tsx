/** The page of replays: their progress and the report of one replay. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Ban, Download, GitCompare, Repeat } from "lucide-react";

import { api, type Replay } from "../../api/client";
import { keys } from "../../api/keys";
import { useReplays } from "../../api/queries";
import { perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { age, count, duration, moment, visible } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Empty, Page } from "../../ui/page";
import { Progress as ProgressBar } from "../../ui/progress";
import { Table, type Column } from "../../ui/table";
import { attempt } from "../../ui/toasts";
import { saveFile } from "../../ui/transfer";

/** Maximum number of failures shown. A saved report has all of them. */
const SHOWN = 200;

function Progress({ replay }: { replay: Replay }) {
  const ended = replay.delivered + replay.failed;
  return (
    <span className="flex items-center gap-2">
      <ProgressBar label="Progress" className="w-24" max={replay.total} value={ended} />
      <span className="font-mono text-data">
        {count(ended)}/{count(replay.total)}
      </span>
    </span>
  );
}

const columnsOf = (now: number): readonly Column<Replay>[] => [
  {
    header: "Target",
    headerClass: "pl-3 font-medium",
    className: "truncate pl-3",
    cell: ({ id, url }) => (
      <Link to="/replays/{-$replay}" params={{ replay: id }} className="font-mono text-data">
        {visible(url)}
      </Link>
    ),
  },
  { header: "State", headerClass: "w-24 font-medium", cell: ({ state }) => state },
  { header: "Sent", headerClass: "w-48 font-medium", cell: (replay) => <Progress replay={replay} /> },
  {
    header: "Failed",
    headerClass: "w-16 text-right font-medium",
    className: ({ failed }) => `text-right font-mono text-data ${failed ? "font-semibold text-invalid" : "text-ink-2"}`,
    cell: ({ failed }) => count(failed),
  },
  {
    header: "Started",
    headerClass: "w-16 pr-3 text-right font-medium",
    className: "pr-3 text-right text-small text-ink-2",
    cell: ({ created_at }) => age(created_at, now),
  },
];

export function ReplaysPage({ id }: { id: string | undefined }) {
  const items = useReplays().data?.items;
  const now = useNow(1_000);
  if (!items) return null;
  return (
    <div className={`grid h-full min-h-0 ${id ? "grid-cols-2 max-xl:grid-cols-1" : ""}`}>
      <div className={`h-full min-h-0 min-w-0 ${id ? "max-xl:hidden" : ""}`}>
        <Page title="Replays" subtitle="Replays of stored requests, newest first." wide>
          {items.length === 0 && (
            <Empty icon={Repeat} action={<Button onClick={() => perform("go-requests")}>All requests</Button>}>
              No replays yet. Open a request and press R, or select several and press B.
            </Empty>
          )}
          {items.length > 0 && (
            <Table
              className="w-full table-fixed border-collapse"
              rows={items}
              columns={columnsOf(now)}
              rowKey={(replay) => replay.id}
              rowClass="row-height"
              isSelected={(replay) => replay.id === id}
            />
          )}
        </Page>
      </div>
      {id && <Report key={id} id={id} />}
    </div>
  );
}

function Report({ id }: { id: string }) {
  const { data, error } = useQuery({ queryKey: keys.replayReport(id), queryFn: () => api.replayReport(id) });
  const navigate = useNavigate();
  const compare = async (): Promise<void> => {
    const { items } = await api.deliveries({ replay: id, limit: 2 });
    const [second, first] = items;
    if (first && second) await navigate({ to: "/diff/$a/$b", params: { a: `${first.id}:1`, b: `${second.id}:1` } });
  };
  if (error)
    return (
      <p className="p-6 text-ink-2">
        This replay was not found. The oldest replays and their deliveries are deleted by retention.
      </p>
    );
  if (!data) return null;
  const { replay, latencies, failures, responses } = data;
  const save = (form: "json" | "html"): void => saveFile(`/api/v1/replays/${id}/report?as=${form}`, `replay.${form}`);
  const running = replay.ended_at == null;
  return (
    <article
      aria-label="Replay"
      data-pane="detail"
      tabIndex={-1}
      className="outline-none min-h-0 min-w-0 overflow-auto border-l border-line bg-pane p-6"
    >
      <h2 className="truncate font-mono text-[14px] font-semibold">{visible(replay.url)}</h2>
      <p className="text-ink-2">
        {replay.state} · started {moment(replay.created_at)}
        {replay.settings.re_sign && " · re-signed"}
        {replay.settings.edit && " · edited"}
      </p>
      {replay.reason && <p className="mt-1">{visible(replay.reason)}</p>}
      <div className="my-3 flex flex-wrap gap-2">
        {running ? (
          <Button icon={Ban} onClick={() => void attempt(api.cancelReplay(id))}>
            Cancel
          </Button>
        ) : (
          <>
            {replay.settings.times === 2 && replay.total === 2 && (
              <Button look="primary" icon={GitCompare} onClick={() => void attempt(compare())}>
                Compare responses
              </Button>
            )}
            <Button icon={Download} onClick={() => save("html")}>
              Save as HTML
            </Button>
            <Button icon={Download} onClick={() => save("json")}>
              Save as JSON
            </Button>
          </>
        )}
      </div>
      <dl className="grid grid-cols-[10rem_1fr] gap-y-1">
        <dt className="text-ink-2">Delivered</dt>
        <dd>{count(replay.delivered)}</dd>
        <dt className="text-ink-2">Failed</dt>
        <dd className={replay.failed ? "font-semibold text-invalid" : ""}>{count(replay.failed)}</dd>
        <dt className="text-ink-2">Not sent</dt>
        <dd>{count(data.unsent)}</dd>
        <dt className="text-ink-2">Duration</dt>
        <dd>
          {duration(data.duration_s * 1000)}, {data.rate.toFixed(1)} per second
        </dd>
        {latencies && (
          <>
            <dt className="text-ink-2">Latency</dt>
            <dd>
              p50 {duration(latencies.p50)}, p90 {duration(latencies.p90)}, p99 {duration(latencies.p99)}, max{" "}
              {duration(latencies.max)}
            </dd>
          </>
        )}
      </dl>
      <h3 className="mt-4 mb-1 font-semibold">Responses</h3>
      <ul>
        {responses.map(({ status, error: why, count: many }) => (
          <li key={`${status} ${why}`}>
            <strong className={status && status < 400 ? "text-valid" : "text-invalid"}>
              {status ?? visible(why ?? "none yet")}
            </strong>{" "}
            {count(many)} times
          </li>
        ))}
      </ul>
      {failures.length > 0 && (
        <>
          <h3 className="mt-4 mb-1 font-semibold">Failures</h3>
          <ol>
            {failures.slice(0, SHOWN).map((failure) => (
              <li key={failure.delivery} className="border-b border-line py-1">
                <Link to="/deliveries/{-$delivery}" params={{ delivery: failure.delivery }} className="underline">
                  {visible(failure.event_type || failure.method)}
                </Link>{" "}
                <span className="font-mono text-data text-ink-2">{visible(failure.url)}</span> {failure.status ?? ""}{" "}
                {visible(failure.reason ?? "")}
              </li>
            ))}
          </ol>
          {failures.length > SHOWN && (
            <p className="mt-1 text-ink-2">{count(failures.length - SHOWN)} more are in the saved report.</p>
          )}
        </>
      )}
    </article>
  );
}
