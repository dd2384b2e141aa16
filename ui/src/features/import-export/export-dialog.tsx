/** The dialog that exports a list, a selection or one request to a file. */
import { Download } from "lucide-react";

import { platform } from "../../platform";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { Form, FormEnd, useFormState, useSubmission } from "../../ui/form";
import { count } from "../../ui/format";
import { Switch } from "../../ui/switch";
import { tell } from "../../ui/toasts";
import { useSelection } from "../request";

/** The export formats: id, name, file extension and description. */
const FORMATS = [
  [
    "archive",
    "Archive",
    "hookbench.zip",
    "Lossless, for another Hookbench: bodies, headers in order, notes and responses.",
  ],
  ["har", "HAR", "har", "HTTP Archive 1.2, for browser tools, proxies and support."],
  ["jsonl", "JSON Lines", "jsonl", "One request per line, for scripts. Lossless."],
  ["csv", "CSV", "csv", "One request per row, for spreadsheets. Values that look like formulas are escaped."],
  ["raw", "Raw HTTP", "http", "The messages as received, one after another."],
] as const;
type Format = (typeof FORMATS)[number][0];

type Which = "list" | "selected" | "one";

interface Exported {
  query: string;
  inbox: string | undefined;
  request: string | undefined;
}

interface Values {
  format: Format;
  /** The requests to export; undefined for the default. */
  chosen: Which | undefined;
  secrets: boolean;
  headers: string;
  paths: string;
}

const FIRST: Values = { format: "archive", chosen: undefined, secrets: false, headers: "", paths: "" };

/** Returns the route and the file name of an export. */
function exportOf(what: Exported, which: Which, selected: readonly string[], values: Values): [string, string] {
  const { format, secrets, headers, paths } = values;
  const params = new URLSearchParams({ as: format, secrets: String(secrets) });
  if (which === "one") params.set("ids", what.request!);
  else if (which === "selected") params.set("ids", selected.join());
  else {
    if (what.query) params.set("q", what.query);
    if (what.inbox) params.set("inbox", what.inbox);
  }
  if (headers.trim()) params.set("redact_headers", headers);
  if (paths.trim()) params.set("redact_paths", paths);
  const name = which === "one" ? "request" : which === "list" ? (what.inbox ?? "requests") : "requests";
  const [, , extension] = FORMATS.find(([id]) => id === format)!;
  return [`/api/v1/export?${params}`, `${name}.${extension}`];
}

/** Describes the requests that are exported. */
function summary({ query, inbox }: Exported, which: Which): string {
  if (which === "one") return "Exports the open request.";
  if (which === "selected") return "Exports the selected requests of all lists.";
  return `Exports ${query ? "the requests that match the search" : "all requests"}${inbox ? ` in ${inbox}` : ""}, newest first.`;
}

export function ExportDialog({ open, onClose, what }: { open: boolean; onClose: () => void; what: Exported }) {
  const [values, set] = useFormState(FIRST);
  const { format, chosen, secrets, headers, paths } = values;
  const selected = [...useSelection()];
  const options: (readonly [Which, string])[] = [["list", "This list"]];
  if (selected.length) options.push(["selected", `${count(selected.length)} selected`]);
  if (what.request) options.push(["one", "This request"]);
  // A selection is the default.
  const which = options.some(([id]) => id === chosen) ? chosen! : selected.length ? "selected" : "list";
  const { submit, error, busy } = useSubmission(async () => {
    const saved = await platform.saveTo(...exportOf(what, which, selected, values));
    if (!saved) return;
    tell(`Saved ${saved}`);
    onClose();
  });
  return (
    <Dialog title="Export requests" open={open} onClose={onClose} wide>
      <Form onSubmit={submit}>
        {options.length > 1 && (
          <div className="mb-4">
            <Choice label="Requests" value={which} options={options} onChange={(now) => set({ chosen: now })} />
          </div>
        )}
        <p className="mb-3 text-ink-2">{summary(what, which)}</p>
        <div className="mb-4">
          <Choice
            label="Format"
            value={format}
            options={FORMATS.map(([id, name]) => [id, name] as const)}
            onChange={(now) => set({ format: now })}
          />
          <p className="mt-1 text-small text-ink-2">{FORMATS.find(([id]) => id === format)![3]}</p>
        </div>
        <Switch
          label="Include secrets"
          hint="If off, credentials in headers and bodies are masked, and such requests cannot be replayed with their original signature."
          checked={secrets}
          onChange={(now) => set({ secrets: now })}
        />
        <TextField
          label="Redact headers"
          hint="Comma-separated names, such as x-user, x-session."
          spellCheck={false}
          value={headers}
          onChange={(now) => set({ headers: now })}
        />
        <TextField
          label="Redact JSON paths"
          hint="Comma-separated paths, such as data.user.email, items[*].name. A body in which the paths cannot be located reliably is omitted."
          mono
          value={paths}
          onChange={(now) => set({ paths: now })}
        />
        <FormEnd error={error} icon={Download}>
          {busy ? "Saving…" : "Save…"}
        </FormEnd>
      </Form>
    </Dialog>
  );
}
