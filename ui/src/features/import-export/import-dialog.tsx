/** Requests out of files: dropped anywhere, chosen, or pasted. */
import { useNavigate, useParams } from "@tanstack/react-router";
import { FileDown, FolderOpen, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { api, type Job } from "../../api/client";
import { useInboxes, useJob } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { count, moment, visible } from "../../ui/format";
import { attempt } from "../../ui/toasts";
import { CallError, platform, type Incoming } from "../../platform";

/** Where everything goes whose file names no inbox. */
const ELSEWHERE = "imported";

/** A text that was pasted, as a file. */
const pasted = (text: string): Incoming => ({ name: "pasted", sendTo: (route) => api.importText(route, text) });

function Report({ job: begun, onShow }: { job: Job; onShow: (query: string) => void }) {
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
            <progress aria-label={`Import of ${job.path}`} value={part} max={100} className="w-28" />
            <IconButton label="Cancel" icon={X} onClick={() => void attempt(api.cancelJob(job.id))} />
          </>
        ) : (
          requests > 0 && <Button onClick={() => onShow(`source:${JSON.stringify(job.path)}`)}>Show them</Button>
        )}
      </div>
      <p role="status" className={job.state === "failed" ? "text-invalid" : "text-ink-2"}>
        {job.state === "failed"
          ? `Not imported to its end: ${job.error}.`
          : `${count(requests)} imported${imported?.inboxes.length ? ` into ${imported.inboxes.join(", ")}` : ""}${imported?.bad ? `, ${count(imported.bad)} left out` : ""}${job.state === "cancelled" ? ", then cancelled" : ""}${job.state === "running" ? "…" : "."}`}
      </p>
      {imported?.before && (
        <p className="text-warning">
          This file was already imported before: {moment(imported.before.at)}, with {count(imported.before.requests)}{" "}
          {imported.before.requests === 1 ? "request" : "requests"}.
        </p>
      )}
      {imported && imported.first_bad.length > 0 && (
        <details className="mt-1 text-small" open={imported.first_bad.length < 4}>
          <summary>Why entries were left out</summary>
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

/** The dialog, and what opens it: a command, or files dropped into the window. */
export function ImportDialog({ open, onOpen, onClose }: { open: boolean; onOpen: () => void; onClose: () => void }) {
  const [files, setFiles] = useState<Incoming[]>([]);
  const [over, setOver] = useState(false);
  const [text, setText] = useState("");
  const [inbox, setInbox] = useState("");
  const [whole, setWhole] = useState(false);
  const [jobs, setJobs] = useState<Job[]>([]);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const inboxes = useInboxes().data?.items ?? [];
  const here = (useParams({ strict: false }) as { inbox?: string }).inbox;
  const navigate = useNavigate();
  const opened = useRef(onOpen);
  useEffect(() => {
    opened.current = onOpen;
  });
  useEffect(
    () =>
      platform.onDrop((dropped) => {
        if (typeof dropped === "boolean") return setOver(dropped);
        if (!dropped.length) return;
        setFiles((before) => [...before, ...dropped]);
        opened.current();
      }),
    [],
  );
  useEffect(() => {
    if (!open) return;
    setInbox(here ?? "");
    setError(undefined);
    setJobs([]);
  }, [open, here]);
  const close = (): void => {
    setFiles([]);
    setText("");
    onClose();
  };
  const given = text.trim() ? [...files, pasted(text)] : files;
  const start = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    const failed: Incoming[] = [];
    for (const file of given) {
      const asked = new URLSearchParams({ name: file.name, whole: String(whole) });
      if (inbox.trim()) asked.set("inbox", inbox.trim());
      try {
        const job = (await file.sendTo(`/api/v1/import?${asked}`)) as Job;
        setJobs((before) => [...before, job]);
      } catch (failure) {
        failed.push(file);
        setError((before) =>
          [before, failure instanceof CallError ? `${failure.message} ${failure.hint}` : String(failure)]
            .filter(Boolean)
            .join(" "),
        );
      }
    }
    // What could not be imported stays, to be corrected and tried again.
    const kept = new Set(failed);
    setFiles(files.filter((file) => kept.has(file)));
    if (!failed.some((file) => !files.includes(file))) setText("");
    setBusy(false);
  };
  return (
    <>
      {over && (
        <div
          aria-hidden
          className="pointer-events-none fixed inset-2 z-60 flex items-center justify-center rounded-[9px] border-2 border-dashed border-accent bg-pane/85 text-title font-semibold"
        >
          <FileDown size={20} className="mr-2 text-accent" /> Drop to import
        </div>
      )}
      <Dialog title="Import requests" open={open} onClose={close} wide>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void start();
          }}
        >
          {jobs.length > 0 && (
            <ul aria-label="Imports">
              {jobs.map((job) => (
                <Report
                  key={job.id}
                  job={job}
                  onShow={(q) => {
                    close();
                    void navigate({ to: "/requests/{-$request}", params: { request: undefined }, search: { q } });
                  }}
                />
              ))}
            </ul>
          )}
          {files.length > 0 && (
            <ul aria-label="Files" className="mb-3">
              {files.map((file, at) => (
                <li key={at} className="flex items-center gap-2 rounded-[7px] px-1 odd:bg-background">
                  <span className="min-w-0 flex-1 truncate font-mono text-data">{visible(file.name)}</span>
                  <IconButton
                    label={`Leave out ${file.name}`}
                    icon={X}
                    onClick={() => setFiles(files.filter((other) => other !== file))}
                  />
                </li>
              ))}
            </ul>
          )}
          <Field
            label="Paste, or drop files anywhere in the window"
            hint="HAR of a browser or proxy, JSON Lines, CSV, raw HTTP, curl commands, webhook.site's JSON, Hookline's archive. Nothing is run or sent."
          >
            {(props) => (
              <textarea
                {...props}
                rows={5}
                spellCheck={false}
                className={`${INPUT} h-auto! py-1 font-mono text-data`}
                value={text}
                onChange={(event) => setText(event.target.value)}
                placeholder={"curl 'https://…' --data-raw '…'"}
              />
            )}
          </Field>
          <Field label="Into inbox" hint={`It is made if need be. Empty: where the file says, else ${ELSEWHERE}.`}>
            {(props) => (
              <>
                <input
                  {...props}
                  className={INPUT}
                  list={`${props.id}-inboxes`}
                  value={inbox}
                  maxLength={64}
                  onChange={(event) => setInbox(event.target.value)}
                />
                <datalist id={`${props.id}-inboxes`}>
                  {inboxes.map(({ name }) => (
                    <option key={name} value={name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <Switch
            label="All or nothing"
            hint="Import nothing of a file if one of its entries cannot be imported; else the rest is."
            checked={whole}
            onChange={setWhole}
          />
          {error && (
            <p role="alert" className="mb-3 text-invalid">
              {error}
            </p>
          )}
          <div className="flex justify-end gap-2 border-t border-line pt-3">
            <Button
              icon={FolderOpen}
              onClick={() =>
                void attempt(platform.pickFiles().then((picked) => setFiles((before) => [...before, ...picked])))
              }
            >
              Choose files…
            </Button>
            <Button look="primary" type="submit" disabled={busy || given.length === 0}>
              {busy ? "Reading…" : given.length > 1 ? `Import ${given.length} files` : "Import"}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
