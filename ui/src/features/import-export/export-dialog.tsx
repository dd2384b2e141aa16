/** Requests into a file: those of a list, or the one that is open. */
import { Download } from "lucide-react";
import { useState } from "react";

import { useSelection } from "../request";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { Switch } from "../../ui/switch";
import { count } from "../../ui/format";
import { tell } from "../../ui/toasts";
import { platform } from "../../platform";
import { inWords } from "../../platform/platform";

/** What each format is for. */
const FORMATS = [
  [
    "archive",
    "Archive",
    "hookline.zip",
    "Everything, byte for byte, for another Hookline: bodies, headers in order, notes, what was answered.",
  ],
  ["har", "HAR", "har", "HTTP Archive 1.2, for browsers' tools, proxies and support."],
  ["jsonl", "JSON Lines", "jsonl", "A request a line, for scripts. Nothing is lost."],
  ["csv", "CSV", "csv", "A row a request, for spreadsheets. What one would run as a formula is made text."],
  ["raw", "Raw HTTP", "http", "The messages as on the wire, one behind the other."],
] as const;
type Format = (typeof FORMATS)[number][0];

type Which = "list" | "ticked" | "one";

export interface Exported {
  query: string;
  inbox: string | undefined;
  request: string | undefined;
}

export function ExportDialog({ open, onClose, what }: { open: boolean; onClose: () => void; what: Exported }) {
  const [format, setFormat] = useState<Format>("archive");
  const [chosen, setChosen] = useState<Which>();
  const [secrets, setSecrets] = useState(false);
  const [headers, setHeaders] = useState("");
  const [paths, setPaths] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const ticked = [...useSelection()];
  const options: (readonly [Which, string])[] = [["list", "The list"]];
  if (ticked.length) options.push(["ticked", `${count(ticked.length)} ticked`]);
  if (what.request) options.push(["one", "This request"]);
  // What was ticked was meant.
  const which = options.some(([id]) => id === chosen) ? chosen! : ticked.length ? "ticked" : "list";
  const [, , extension, means] = FORMATS.find(([id]) => id === format)!;
  const list = `${what.query ? "what the query finds" : "everything"}${what.inbox ? ` in ${what.inbox}` : ""}`;
  const save = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    const asked = new URLSearchParams({ as: format, secrets: String(secrets) });
    if (which === "one") asked.set("ids", what.request!);
    else if (which === "ticked") asked.set("ids", ticked.join());
    else {
      if (what.query) asked.set("q", what.query);
      if (what.inbox) asked.set("inbox", what.inbox);
    }
    if (headers.trim()) asked.set("redact_headers", headers);
    if (paths.trim()) asked.set("redact_paths", paths);
    try {
      const saved = await platform.saveTo(
        `/api/v1/export?${asked}`,
        `${which === "one" ? "request" : which === "list" ? (what.inbox ?? "requests") : "requests"}.${extension}`,
      );
      if (saved) {
        tell(`Saved ${saved}`);
        onClose();
      }
    } catch (failure) {
      setError(inWords(failure));
    }
    setBusy(false);
  };
  return (
    <Dialog title="Export requests" open={open} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {options.length > 1 && (
          <div className="mb-4">
            <Choice label="What" value={which} options={options} onChange={setChosen} />
          </div>
        )}
        <p className="mb-3 text-ink-2">
          {which === "one"
            ? "The request that is open."
            : which === "ticked"
              ? "The requests that are ticked, in any list."
              : `Exports ${list}, newest first.`}
        </p>
        <div className="mb-4">
          <Choice
            label="Format"
            value={format}
            options={FORMATS.map(([id, name]) => [id, name] as const)}
            onChange={setFormat}
          />
          <p className="mt-1 text-small text-ink-2">{means}</p>
        </div>
        <Switch
          label="With secrets"
          hint="Else credentials in headers and bodies are masked, and what was signed with them cannot be replayed as it was."
          checked={secrets}
          onChange={setSecrets}
        />
        <Field label="Leave out headers" hint="Names with commas between, such as x-user, x-session.">
          {(props) => (
            <input
              {...props}
              className={INPUT}
              value={headers}
              spellCheck={false}
              onChange={(event) => setHeaders(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Leave out values in JSON"
          hint="Paths with commas between, such as data.user.email, items[*].name. A body in which they cannot be found for certain is left out whole."
        >
          {(props) => (
            <input
              {...props}
              className={`${INPUT} font-mono text-data`}
              value={paths}
              spellCheck={false}
              onChange={(event) => setPaths(event.target.value)}
            />
          )}
        </Field>
        <FormEnd error={error} icon={Download}>
          {busy ? "Saving…" : "Save…"}
        </FormEnd>
      </form>
    </Dialog>
  );
}
