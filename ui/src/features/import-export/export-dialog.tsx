/** Requests into a file: those of a list, or the one that is open. */
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

/** The formats, with file extension and purpose. */
const FORMATS = [
  [
    "archive",
    "Archive",
    "hookbench.zip",
    "Everything, byte for byte, for another Hookbench: bodies, headers in order, notes, what was answered.",
  ],
  ["har", "HAR", "har", "HTTP Archive 1.2, for browsers' tools, proxies and support."],
  ["jsonl", "JSON Lines", "jsonl", "A request a line, for scripts. Nothing is lost."],
  ["csv", "CSV", "csv", "A row a request, for spreadsheets. What one would run as a formula is made text."],
  ["raw", "Raw HTTP", "http", "The messages as on the wire, one behind the other."],
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
  /** The choice of the person; undefined for the default. */
  chosen: Which | undefined;
  secrets: boolean;
  headers: string;
  paths: string;
}

const FIRST: Values = { format: "archive", chosen: undefined, secrets: false, headers: "", paths: "" };

/** The route and the file name of an export. */
function exportOf(what: Exported, which: Which, selected: readonly string[], values: Values): [string, string] {
  const { format, secrets, headers, paths } = values;
  const asked = new URLSearchParams({ as: format, secrets: String(secrets) });
  if (which === "one") asked.set("ids", what.request!);
  else if (which === "selected") asked.set("ids", selected.join());
  else {
    if (what.query) asked.set("q", what.query);
    if (what.inbox) asked.set("inbox", what.inbox);
  }
  if (headers.trim()) asked.set("redact_headers", headers);
  if (paths.trim()) asked.set("redact_paths", paths);
  const name = which === "one" ? "request" : which === "list" ? (what.inbox ?? "requests") : "requests";
  const [, , extension] = FORMATS.find(([id]) => id === format)!;
  return [`/api/v1/export?${asked}`, `${name}.${extension}`];
}

/** Describes the requests that are exported. */
function summary({ query, inbox }: Exported, which: Which): string {
  if (which === "one") return "The request that is open.";
  if (which === "selected") return "The requests that are ticked, in any list.";
  return `Exports ${query ? "what the query finds" : "everything"}${inbox ? ` in ${inbox}` : ""}, newest first.`;
}

export function ExportDialog({ open, onClose, what }: { open: boolean; onClose: () => void; what: Exported }) {
  const [values, set] = useFormState(FIRST);
  const { format, chosen, secrets, headers, paths } = values;
  const selected = [...useSelection()];
  const options: (readonly [Which, string])[] = [["list", "The list"]];
  if (selected.length) options.push(["selected", `${count(selected.length)} ticked`]);
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
            <Choice label="What" value={which} options={options} onChange={(now) => set({ chosen: now })} />
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
          label="With secrets"
          hint="Else credentials in headers and bodies are masked, and what was signed with them cannot be replayed as it was."
          checked={secrets}
          onChange={(now) => set({ secrets: now })}
        />
        <TextField
          label="Leave out headers"
          hint="Names with commas between, such as x-user, x-session."
          spellCheck={false}
          value={headers}
          onChange={(now) => set({ headers: now })}
        />
        <TextField
          label="Leave out values in JSON"
          hint="Paths with commas between, such as data.user.email, items[*].name. A body in which they cannot be found for certain is left out whole."
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
