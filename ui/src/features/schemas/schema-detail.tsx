import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useState } from "react";

import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { confirm } from "../../ui/confirm";
import { count, moment, visible } from "../../ui/format";
import { attempt } from "../../ui/toasts";
import { SchemaCode, type CodeView } from "./schema-code";
import { SchemaFields } from "./schema-fields";

const VIEWS = [
  ["fields", "Fields"],
  ["json_schema", "JSON Schema"],
  ["typescript", "TypeScript"],
  ["rust", "Rust"],
] as const;
type View = "fields" | CodeView;

export const eventName = (event: string): string => (event ? visible(event) : "No event type");

/** The inferred schema of one event type of an inbox. */
export function SchemaDetail({ inbox, event }: { inbox: string; event: string }) {
  const [view, setView] = useState<View>("fields");
  const { data: schema, error } = useQuery({
    queryKey: [...keys.schemas, "one", inbox, event],
    queryFn: () => api.shape(inbox, event),
    placeholderData: (before) => before,
  });
  const navigate = useNavigate();
  if (error) return <p className="p-6 text-ink-2">{error.message}</p>;
  if (!schema) return null;
  return (
    <article aria-label="Schema" className="h-full overflow-auto p-4">
      <header className="mb-4 flex flex-wrap items-center gap-3">
        <div className="min-w-0">
          <h2 className="truncate text-title font-semibold tracking-tight">{eventName(schema.event_type)}</h2>
          <p className="text-small text-ink-2">
            {schema.inbox} · inferred from {count(schema.requests)} {schema.requests === 1 ? "body" : "bodies"} since{" "}
            {moment(schema.first_at)}
          </p>
        </div>
        <IconButton
          className="ml-auto"
          label="Delete schema"
          icon={Trash2}
          onClick={() =>
            void confirm("Delete this schema?", "Hookbench infers the schema again from new requests.", "Delete").then(
              async (agreed) => {
                if (agreed)
                  await attempt(
                    api
                      .deleteSchema(schema.inbox, schema.event_type)
                      .then(() => navigate({ to: "/schemas/{-$inbox}", params: { inbox: undefined }, search: {} })),
                  );
              },
            )
          }
        />
      </header>
      <div className="mb-4">
        <Choice label="View" value={view} options={VIEWS} onChange={setView} />
      </div>
      {view === "fields" ? <SchemaFields schema={schema} /> : <SchemaCode schema={schema} view={view} />}
    </article>
  );
}
