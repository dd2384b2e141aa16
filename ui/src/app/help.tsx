import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";

import { api } from "../api/client";
import { Keys } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { COMMANDS, allKeys } from "./commands";

const TERMS = [
  ['word, "two words"', "search in body, headers and target"],
  ["a b, a or b, -a, (…)", "and, or, not, grouping"],
  ["field:value, field=value", "equals or contains; exact and case-sensitive"],
  ["status:5xx  size:>1mb  age:<2h", "ranges, sizes, times"],
  ["event:chat.*  /ord(er)?s/", "wildcard; regular expression"],
] as const;

/** The search syntax, generated from the table of fields. */
function Queries({ open }: { open: boolean }) {
  const fields = useQuery({ queryKey: ["query-fields"], queryFn: api.queryFields, enabled: open }).data?.items ?? [];
  return (
    <section className="border-t border-line pt-3">
      <h3 className="mb-1 font-semibold">Search syntax</h3>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6">
        {[...TERMS, ...fields.map(({ example, means }) => [example, means] as const)].map(([written, means]) => (
          <Fragment key={written}>
            <dt className="py-0.5 font-mono text-data">{written}</dt>
            <dd className="py-0.5 text-ink-2">{means}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

/** The keyboard shortcuts, generated from the command table. */
export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const groups = [...new Set(COMMANDS.map(({ group }) => group))];
  return (
    <Dialog title="Keyboard shortcuts" open={open} onClose={onClose} wide>
      <div className="grid grid-cols-1 gap-x-8 sm:grid-cols-2">
        {groups.map((group) => (
          <section key={group} className="mb-4">
            <h3 className="mb-1 font-semibold">{group}</h3>
            <dl>
              {COMMANDS.filter((command) => command.group === group).map(({ id, title }) => (
                <div key={id} className="flex justify-between gap-4 py-0.5">
                  <dt>{title}</dt>
                  <dd className="flex shrink-0 gap-1">
                    {allKeys(id).map((one) => (
                      <span key={one}>
                        <span className="sr-only">{one}</span>
                        <Keys keys={one} />
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Queries open={open} />
    </Dialog>
  );
}
