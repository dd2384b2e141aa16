/** The dialog that imports requests from dropped, chosen or pasted files. */
import { useNavigate, useParams } from "@tanstack/react-router";
import { FileDown, FolderOpen, X } from "lucide-react";
import { useEffect, useState } from "react";

import { useInboxes } from "../../api/queries";
import type { Incoming } from "../../platform";
import { Button, IconButton } from "../../ui/button";
import { ComboboxField } from "../../ui/combobox";
import { Dialog } from "../../ui/dialog";
import { TextAreaField } from "../../ui/field";
import { Form, FormError, useFormState } from "../../ui/form";
import { visible } from "../../ui/format";
import { Switch } from "../../ui/switch";
import { ImportReport } from "./import-report";
import { useFiles, useImport, type ImportValues } from "./use-import";

/** Inbox for requests of files that name no inbox. */
const ELSEWHERE = "imported";

const FIRST: ImportValues = { text: "", inbox: "", atomic: false };

/** The import dialog, opened by a command or by files dropped into the window. */
export function ImportDialog({ open, onOpen, onClose }: { open: boolean; onOpen: () => void; onClose: () => void }) {
  const { files, setFiles, over, choose } = useFiles(onOpen);
  const [values, set] = useFormState(FIRST);
  const { jobs, error, busy, number, start, reset } = useImport(files, values);
  const here = (useParams({ strict: false }) as { inbox?: string }).inbox;
  const navigate = useNavigate();
  /** True after everything was imported, until something else is given. */
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!open) return;
    set({ inbox: here ?? "" });
    reset();
    setDone(false);
  }, [open, here, set, reset]);
  const close = (): void => {
    setFiles([]);
    set({ text: "" });
    onClose();
  };
  const submit = async (): Promise<void> => {
    // Files that could not be imported stay in the list for another try.
    const failed = new Set(await start());
    setFiles(files.filter((file) => failed.has(file)));
    if (![...failed].some((file) => !files.includes(file))) set({ text: "" });
    if (failed.size === 0) setDone(true);
  };
  const show = (q: string): void => {
    close();
    void navigate({ to: "/requests/{-$request}", params: { request: undefined }, search: { q } });
  };
  return (
    <>
      {over && <DropHint />}
      <Dialog title="Import requests" open={open} onClose={close} wide isSaved={done && number === 0}>
        <Form onSubmit={submit}>
          {jobs.length > 0 && (
            <ul aria-label="Imports">
              {jobs.map((job) => (
                <ImportReport key={job.id} job={job} onShow={show} />
              ))}
            </ul>
          )}
          <FileList files={files} onLeaveOut={(file) => setFiles(files.filter((other) => other !== file))} />
          <ImportFields values={values} set={set} />
          <FormError error={error} />
          <div className="flex justify-end gap-2 border-t border-line pt-3">
            <Button icon={FolderOpen} onClick={choose}>
              Choose files…
            </Button>
            {done && number === 0 ? (
              <Button look="primary" onClick={close}>
                Done
              </Button>
            ) : null}
            <Button
              look={done && number === 0 ? "plain" : "primary"}
              type="submit"
              className={done && number === 0 ? "hidden" : ""}
              disabled={busy || number === 0}
            >
              {busy ? "Importing…" : number > 1 ? `Import ${number} files` : "Import"}
            </Button>
          </div>
        </Form>
      </Dialog>
    </>
  );
}

function DropHint() {
  return (
    <div
      aria-hidden
      className="pointer-events-none fixed inset-2 z-60 flex items-center justify-center rounded-[9px] border-2 border-dashed border-accent bg-pane/85 text-title font-semibold"
    >
      <FileDown size={20} className="mr-2 text-accent" /> Drop to import
    </div>
  );
}

function FileList({ files, onLeaveOut }: { files: readonly Incoming[]; onLeaveOut: (file: Incoming) => void }) {
  if (files.length === 0) return null;
  return (
    <ul aria-label="Files" className="mb-3">
      {files.map((file, at) => (
        <li key={at} className="flex items-center gap-2 rounded-[7px] px-1 odd:bg-background">
          <span className="min-w-0 flex-1 truncate font-mono text-data">{visible(file.name)}</span>
          <IconButton label={`Remove ${file.name}`} icon={X} onClick={() => onLeaveOut(file)} />
        </li>
      ))}
    </ul>
  );
}

function ImportFields({
  values: { text, inbox, atomic },
  set,
}: {
  values: ImportValues;
  set: (change: Partial<ImportValues>) => void;
}) {
  const inboxes = useInboxes().data?.items ?? [];
  return (
    <>
      <TextAreaField
        label="Paste or drop files"
        hint="HAR, JSON Lines, CSV, raw HTTP, curl commands, webhook.site JSON, or a Hookbench archive. Nothing is executed or sent."
        rows={5}
        value={text}
        onChange={(now) => set({ text: now })}
        placeholder={"curl 'https://…' --data-raw '…'"}
      />
      <ComboboxField
        label="Into inbox"
        hint={`Created if missing. If empty, the inbox named in the file, else ${ELSEWHERE}.`}
        value={inbox}
        maxLength={64}
        options={inboxes.map(({ name }) => name)}
        onChange={(now) => set({ inbox: now })}
      />
      <Switch
        label="All or nothing"
        hint="Imports nothing from a file if any of its entries is invalid."
        checked={atomic}
        onChange={(now) => set({ atomic: now })}
      />
    </>
  );
}
