/** The dialog that shows a request as code in several languages. */
import { useQuery } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { requestRoute, text } from "../../api/client";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { Switch } from "../../ui/switch";
import { attempt, tell } from "../../ui/toasts";
import { platform } from "../../platform";
import { inWords } from "../../platform/platform";
import { prefer, usePreferences } from "../../ui/preferences";

const CodeView = lazy(() => import("../../ui/code-view"));

const FORMS = [
  ["curl", "curl"],
  ["httpie", "HTTPie"],
  ["fetch", "fetch"],
  ["python", "Python"],
  ["go", "Go"],
  ["powershell", "PowerShell"],
  ["raw", "Raw HTTP"],
] as const;

export function CodeDialog({ id, open, onClose }: { id: string; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Copy as code" open={open} onClose={onClose} wide>
      <Code id={id} onClose={onClose} />
    </Dialog>
  );
}

function Code({ id, onClose }: { id: string; onClose: () => void }) {
  const { code } = usePreferences();
  const [reveal, setReveal] = useState(false);
  const [form, name] = FORMS.find(([one]) => one === code) ?? FORMS[0];
  const route = requestRoute(id, form === "raw" ? `raw?reveal=${reveal}` : `code?as=${form}&reveal=${reveal}`);
  const { data, error } = useQuery({ queryKey: ["code", route], queryFn: () => text(route), gcTime: 0, retry: false });
  const copy = (): void => {
    if (data !== undefined) void attempt(platform.copyText(data).then(() => (tell(`Copied as ${name}`), onClose())));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        copy();
      }}
    >
      <div className="mb-3 overflow-x-auto">
        <Choice label="Format" value={form} options={FORMS} onChange={(now) => prefer({ code: now })} />
      </div>
      <Switch
        label="Include secrets"
        hint="If off, credentials are masked, and the code sends the masks."
        checked={reveal}
        onChange={setReveal}
      />
      <div className="mb-3 h-[40vh] overflow-hidden rounded-[9px] border border-line">
        {error ? (
          <p role="alert" className="p-3 text-invalid">
            {inWords(error)}
          </p>
        ) : (
          data !== undefined && (
            <Suspense fallback={null}>
              <CodeView key={route} text={data} language="text" label={`Code as ${name}`} />
            </Suspense>
          )
        )}
      </div>
      <div className="flex items-center justify-between gap-3 border-t border-line pt-3">
        <p className="text-small text-ink-2">
          The code sends the request to its inbox on this computer. Change the URL to send it elsewhere.
        </p>
        <Button look="primary" type="submit" icon={Copy} disabled={data === undefined}>
          Copy
        </Button>
      </div>
    </form>
  );
}
