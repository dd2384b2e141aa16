import { useQuery } from "@tanstack/react-query";
import { Copy, Download } from "lucide-react";

import { api, schemaCode, type InferredSchema } from "../../api/client";
import { keys } from "../../api/keys";
import { Button } from "../../ui/button";
import { visibleLines } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { saveFile } from "../../ui/transfer";
import { platform } from "../../platform";

/** Languages of a schema as code, with their file extensions. */
const FILES = { json_schema: "schema.json", typescript: "ts", rust: "rs" } as const;

export type CodeView = keyof typeof FILES;

/** A schema as code. */
export function SchemaCode({ schema, view }: { schema: InferredSchema; view: CodeView }) {
  const { data } = useQuery({
    queryKey: [...keys.schemas, "code", schema.inbox, schema.event_type, view],
    queryFn: () => api.schemaCode(schema.inbox, schema.event_type, view),
  });
  return (
    <>
      <div className="mb-2 flex gap-2">
        <Button icon={Copy} onClick={() => void attempt(platform.copyText(data ?? "").then(() => tell("Copied")))}>
          Copy
        </Button>
        <Button
          icon={Download}
          onClick={() =>
            saveFile(schemaCode(schema.inbox, schema.event_type, view), `${schema.event_type || "body"}.${FILES[view]}`)
          }
        >
          Save…
        </Button>
      </div>
      <pre
        tabIndex={0}
        aria-label="Code"
        className="overflow-auto rounded-[9px] border border-line bg-background p-3 font-mono text-data"
      >
        {data !== undefined && visibleLines(data)}
      </pre>
    </>
  );
}
