import { useQuery } from "@tanstack/react-query";
import { Copy, Download } from "lucide-react";
import { useState } from "react";

import { api } from "../../api/client";
import { inWords, platform } from "../../platform";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormError, useFormState } from "../../ui/form";
import { count } from "../../ui/format";
import { useSettled } from "../../ui/settled";
import { Switch } from "../../ui/switch";
import { attempt, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";

/** Pause in typing after which the preview is written again, in ms. */
const TYPED_MS = 250;

interface Values {
  headers: string;
  paths: string;
  bodies: boolean;
  addresses: boolean;
}

/** The dialog that writes requests as a page or as Markdown, with a preview of what is left out. */
export function ReportDialog({ ids, open, onClose }: { ids: readonly string[]; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Report for a ticket" open={open} onClose={onClose} wide>
      <ReportForm ids={ids} onClose={onClose} />
    </Dialog>
  );
}

function ReportForm({ ids, onClose }: { ids: readonly string[]; onClose: () => void }) {
  const [as, setAs] = useState<"html" | "markdown">("markdown");
  const [values, set] = useFormState<Values>({ headers: "", paths: "", bodies: true, addresses: false });
  const { headers, paths, bodies, addresses } = useSettled(values, TYPED_MS);
  const query = { ids: ids.join(), as, redact_headers: headers, redact_paths: paths, bodies, addresses };
  const route = `/api/v1/requests/report/file?${new URLSearchParams(Object.entries(query).map(([name, one]) => [name, String(one)]))}`;
  const { data, error } = useQuery({
    queryKey: ["report", query],
    queryFn: () => api.report(query),
    placeholderData: (before) => before,
    gcTime: 0,
  });
  const save = (): void =>
    void attempt(
      platform.saveTo(route, data!.file_name).then((saved) => {
        if (!saved) return;
        tell(`Saved ${saved}`);
        onClose();
      }),
    );
  return (
    <>
      <p className="mb-3 text-ink-2">
        {ids.length === 1 ? "The open request" : `${count(ids.length)} selected requests`} with its signature, its
        responses and those of your apps. Credentials are always masked.
      </p>
      <div className="mb-4 flex flex-wrap items-start gap-x-6">
        <Choice
          label="Format"
          value={as}
          options={[
            ["markdown", "Markdown"],
            ["html", "HTML page"],
          ]}
          onChange={setAs}
        />
        <Switch label="Bodies" checked={values.bodies} onChange={(now) => set({ bodies: now })} />
        <Switch label="Remote addresses" checked={values.addresses} onChange={(now) => set({ addresses: now })} />
      </div>
      <div className="grid grid-cols-2 gap-4">
        <TextField label="Redact headers" mono value={values.headers} onChange={(now) => set({ headers: now })} />
        <TextField label="Redact JSON paths" mono value={values.paths} onChange={(now) => set({ paths: now })} />
      </div>
      <section aria-label="Left out" className="mb-3">
        <h3 className="font-semibold">Left out</h3>
        <ul className="list-inside list-disc text-ink-2">
          {data?.left_out.map((what) => (
            <li key={what}>{what}</li>
          ))}
          {data?.left_out.length === 0 && <li>Nothing</li>}
        </ul>
      </section>
      <FormError error={error ? inWords(error) : undefined} />
      {data && <Preview as={as} content={data.content} />}
      <div className="mt-3 flex justify-end gap-2">
        <Button icon={Copy} disabled={!data} onClick={() => copyText(data!.content, "report")}>
          Copy
        </Button>
        <Button look="primary" icon={Download} disabled={!data} onClick={save}>
          Save…
        </Button>
      </div>
    </>
  );
}

/** The report as it will be. The frame of an HTML page can neither run scripts nor load anything. */
function Preview({ as, content }: { as: "html" | "markdown"; content: string }) {
  return as === "html" ? (
    <iframe
      title="Preview"
      sandbox=""
      srcDoc={content}
      className="h-72 w-full rounded-[9px] border border-line bg-white"
    />
  ) : (
    <pre
      tabIndex={0}
      aria-label="Preview"
      className="h-72 overflow-auto rounded-[9px] border border-line p-3 font-mono text-data whitespace-pre-wrap"
    >
      {content}
    </pre>
  );
}
