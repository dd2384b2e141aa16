/** Alarms: requests cannot be stored, or the listener cannot listen. */
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api } from "../api/client";
import { useStatus } from "../api/queries";
import { Button } from "../ui/button";
import { moment } from "../ui/format";
import { attempt } from "../ui/toasts";
import { dismissRefused, refusedText } from "../features/refused";

const FAULTS: Record<string, string> = {
  disk_full: "The disk is full. Free some space. Hookbench resumes automatically.",
  unwritable:
    "The data folder cannot be written to. Check the disk and its permissions. Hookbench resumes automatically.",
  locked: "Another program has locked the database. Close that program. Hookbench resumes automatically.",
  damaged: "The database file is damaged. Restore a backup.",
  removed: "The database file was deleted or replaced. Move the file back, or restore a backup.",
  other: "Hookbench retries automatically.",
};

const BAR = "flex flex-wrap items-center gap-3 border-b border-line bg-pane px-4 py-2";

export function Alarms() {
  const status = useStatus().data;
  const [trying, setTrying] = useState(false);
  if (!status) return null;
  const { database, listener } = status;
  const refused = refusedText(status.refusals);
  const listen = async (change: object): Promise<void> => {
    setTrying(true);
    await attempt(api.changeSettings(change));
    setTrying(false);
  };
  return (
    <>
      {database.state === "failing" && (
        <div role="alert" className={BAR}>
          <strong className="text-invalid">Requests are not being stored; senders get 503.</strong>
          <span>{FAULTS[database.fault] ?? FAULTS.other}</span>
          <span className="text-ink-2">
            Since {moment(database.since)}: {database.message}
          </span>
        </div>
      )}
      {status.lost && (
        <div role="alert" className={BAR}>
          <strong className="text-invalid">Stored requests may be missing.</strong>
          <span>{status.lost}</span>
        </div>
      )}
      {listener.state === "failed" && (
        <div role="alert" className={BAR}>
          <strong className="text-invalid">
            Cannot listen on {listener.address}: {listener.reason}
            {listener.holder ? ` by ${listener.holder}` : ""}.
          </strong>
          {listener.offer && (
            <Button look="primary" disabled={trying} onClick={() => void listen({ listen: listener.offer })}>
              Use {listener.offer}
            </Button>
          )}
          <Button disabled={trying} onClick={() => void attempt(api.retryListener())}>
            Try again
          </Button>
        </div>
      )}
      {refused && (
        <div role="alert" className={BAR}>
          <strong className="text-invalid">{refused}</strong>
          <Link
            to="/refused"
            className="control ml-auto inline-flex items-center rounded-[7px] border border-line bg-control px-3 hover:bg-hover"
          >
            Show
          </Link>
          <Button onClick={dismissRefused}>Dismiss</Button>
        </div>
      )}
    </>
  );
}
