/** Alarms: requests are not being stored, or nothing can arrive. */
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api } from "../api/client";
import { useStatus } from "../api/queries";
import { Button } from "../ui/button";
import { moment } from "../ui/format";
import { attempt } from "../ui/toasts";
import { dismissRefused, refusedText } from "../features/refused";

const FAULTS: Record<string, string> = {
  disk_full: "The disk is full. Free some space; Hookbench goes on by itself.",
  unwritable: "The data folder cannot be written. Check the disk and its rights; Hookbench goes on by itself.",
  locked: "Another program holds the database locked. Close it; Hookbench goes on by itself.",
  damaged: "The database file is damaged. Restore a backup.",
  removed: "The database file was removed or replaced. Put it back, or restore a backup.",
  other: "Hookbench tries again by itself.",
};

const BAR = "flex flex-wrap items-center gap-3 border-b border-line bg-pane px-4 py-2";

export function Alarms() {
  const status = useStatus().data;
  const [trying, setTrying] = useState(false);
  if (!status) return null;
  const { database, receiver } = status;
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
      {receiver.state === "failed" && (
        <div role="alert" className={BAR}>
          <strong className="text-invalid">
            Nothing can arrive: {receiver.address} cannot be used, {receiver.reason}
            {receiver.holder ? ` by ${receiver.holder}` : ""}.
          </strong>
          {receiver.offer && (
            <Button look="primary" disabled={trying} onClick={() => void listen({ listen: receiver.offer })}>
              Use {receiver.offer}
            </Button>
          )}
          <Button disabled={trying} onClick={() => void attempt(api.retryReceiver())}>
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
