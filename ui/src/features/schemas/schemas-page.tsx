/** The page of schemas inferred from JSON bodies, one per event type, with their changes. */
import { Link } from "@tanstack/react-router";
import { Braces } from "lucide-react";

import { useSchemas } from "../../api/queries";
import { perform } from "../../app/commands";
import { age, count } from "../../ui/format";
import { Button } from "../../ui/button";
import { Empty, Page } from "../../ui/page";
import { useNow } from "../../ui/now";
import { eventName, SchemaDetail } from "./schema-detail";

/** Changes within this time are highlighted in the list, in ms. */
const RECENT_MS = 7 * 86_400_000;

export function SchemasPage({ inbox, event }: { inbox: string | undefined; event: string }) {
  const schemas = useSchemas();
  const now = useNow(30_000);
  const items = schemas.data?.items ?? [];
  const shown =
    inbox === undefined ? items[0] && { inbox: items[0].inbox, event: items[0].event_type } : { inbox, event };
  if (schemas.data && items.length === 0) {
    return (
      <Page title="Schemas">
        <Empty icon={Braces} action={<Button onClick={() => perform("import")}>Import requests</Button>}>
          No JSON bodies yet. Hookbench infers a schema for each event type from received and imported requests: fields,
          types, optional fields and changes over time.
        </Empty>
      </Page>
    );
  }
  return (
    <div className="flex h-full">
      <section
        aria-label="Schemas"
        data-pane="list"
        tabIndex={-1}
        className="outline-none flex w-72 shrink-0 flex-col border-r border-line max-md:w-48"
      >
        <h1 className="px-4 py-3 text-title font-semibold tracking-tight">Schemas</h1>
        <ul className="min-h-0 flex-1 overflow-auto px-2">
          {items.map((one) => {
            const here = shown?.inbox === one.inbox && shown.event === one.event_type;
            const recent = one.drift_at && now - Date.parse(one.drift_at) < RECENT_MS;
            return (
              <li key={`${one.inbox}/${one.event_type}`}>
                <Link
                  to="/schemas/{-$inbox}"
                  params={{ inbox: one.inbox }}
                  search={one.event_type ? { event: one.event_type } : {}}
                  aria-current={here || undefined}
                  className={`block rounded-[7px] px-2 py-1.5 ${here ? "bg-selection" : "hover:bg-hover"}`}
                >
                  <span className="block truncate font-medium">{eventName(one.event_type)}</span>
                  <span className="block truncate text-small text-ink-2">
                    {one.inbox} · {count(one.requests)} · {count(one.fields)} fields
                    {one.drift_at && (
                      <span className={recent ? "text-warning" : ""}>
                        {" "}
                        · changed {age(one.drift_at, now) === "now" ? "now" : `${age(one.drift_at, now)} ago`}
                      </span>
                    )}
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      </section>
      <div className="min-w-0 flex-1 bg-pane">
        {shown && <SchemaDetail key={`${shown.inbox}/${shown.event}`} inbox={shown.inbox} event={shown.event} />}
      </div>
    </div>
  );
}
