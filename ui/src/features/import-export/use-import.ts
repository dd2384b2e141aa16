/** The files of an import and their jobs. */
import { useCallback, useEffect, useRef, useState } from "react";

import { api, type Job } from "../../api/client";
import { CallError, platform, type Incoming } from "../../platform";
import { attempt } from "../../ui/toasts";

/** Returns a pasted text as a file. */
const pasted = (text: string): Incoming => ({ name: "pasted", sendTo: (route) => api.importText(route, text) });

const sentence = (failure: unknown): string => {
  if (!(failure instanceof CallError)) return String(failure);
  // The hint of this error names a parameter of the API, which the dialog does not have.
  const isUnknown = failure.code === "unknown_format";
  return isUnknown
    ? `${failure.message} Supported: HAR, JSON Lines, CSV, raw HTTP, curl, webhook.site JSON and archives.`
    : `${failure.message} ${failure.hint}`;
};

/** Returns the dropped or chosen files. Calls `onDrop` after files were dropped. */
export function useFiles(onDrop: () => void) {
  const [files, setFiles] = useState<Incoming[]>([]);
  /** True while files are dragged over the window. */
  const [over, setOver] = useState(false);
  const opened = useRef(onDrop);
  useEffect(() => {
    opened.current = onDrop;
  });
  const add = (more: readonly Incoming[]): void => setFiles((before) => [...before, ...more]);
  useEffect(
    () =>
      platform.onDrop((dropped) => {
        if (typeof dropped === "boolean") return setOver(dropped);
        if (!dropped.length) return;
        add(dropped);
        opened.current();
      }),
    [],
  );
  const choose = (): void => void attempt(platform.pickFiles().then(add));
  return { files, setFiles, over, choose };
}

export interface ImportValues {
  text: string;
  /** Target inbox; empty for the inbox named in the file. */
  inbox: string;
  atomic: boolean;
}

/** Returns the state of an import. `start` sends the files in sequence and returns those that failed. */
export function useImport(files: readonly Incoming[], { text, inbox, atomic }: ImportValues) {
  const [jobs, setJobs] = useState<Job[]>([]);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const given = text.trim() ? [...files, pasted(text)] : [...files];
  const reset = useCallback(() => {
    setError(undefined);
    setJobs([]);
  }, []);
  const start = async (): Promise<Incoming[]> => {
    setBusy(true);
    setError(undefined);
    const failed: Incoming[] = [];
    for (const file of given) {
      const params = new URLSearchParams({ name: file.name, atomic: String(atomic) });
      if (inbox.trim()) params.set("inbox", inbox.trim());
      try {
        const job = (await file.sendTo(`/api/v1/import?${params}`)) as Job;
        setJobs((before) => [...before, job]);
      } catch (failure) {
        failed.push(file);
        setError((before) => [before, sentence(failure)].filter(Boolean).join(" "));
      }
    }
    setBusy(false);
    return failed;
  };
  return { jobs, error, busy, number: given.length, start, reset };
}
