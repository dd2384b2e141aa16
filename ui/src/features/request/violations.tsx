import { ChevronDown, FileWarning } from "lucide-react";
import { useId, useState } from "react";

import type { Detail } from "../../api/client";
import { useProviders } from "../../api/queries";
import { count, visible } from "../../ui/format";

type Violation = Detail["violations"][number];

/** Number of differences that are reported at most. */
const REPORTED_MAX = 20;

/** Returns the number of differences in words, such as `2 differences from the schema`. */
export function differences(violations: readonly Violation[]): string {
  const number = violations.length >= REPORTED_MAX ? `${REPORTED_MAX} or more` : count(violations.length);
  return `${number} ${violations.length === 1 ? "difference" : "differences"} from the schema`;
}

/** The differences between the payload and the schema of its event. The list opens on demand. */
export function Violations({ detail: { violations, provider, event_type } }: { detail: Detail }) {
  const [open, setOpen] = useState(false);
  const list = useId();
  const providers = useProviders().data?.items;
  if (violations.length === 0) return null;
  const name = providers?.find(({ id }) => id === provider)?.name ?? provider;
  return (
    <section aria-label="Schema" className="mx-4 mt-2 rounded-[8px] border border-line bg-warning/8 text-small">
      <button
        type="button"
        aria-expanded={open}
        aria-controls={list}
        onClick={() => setOpen(!open)}
        className="flex min-h-9 w-full items-center gap-3 px-3 text-left text-ink-2 hover:brightness-95 dark:hover:brightness-110"
      >
        <FileWarning size={17} aria-hidden className="shrink-0 text-warning" />
        <span className="min-w-0 truncate">
          <strong className="font-semibold text-ink">{differences(violations)}</strong> of{" "}
          {visible(event_type ?? "the event")}
          {name && ` that ${name} publishes`}
        </span>
        <ChevronDown size={15} aria-hidden className={`ml-auto shrink-0 ${open ? "rotate-180" : ""}`} />
      </button>
      {open && (
        <div id={list} className="max-h-56 overflow-auto border-t border-line px-3 py-2">
          <ViolationList violations={violations} />
        </div>
      )}
    </section>
  );
}

/** Differences, each with the path of the value. */
export function ViolationList({ violations }: { violations: readonly Violation[] }) {
  return (
    <ul className="space-y-1">
      {violations.map(({ path, message }) => (
        <li key={`${path} ${message}`} className="wrap-anywhere">
          {path && <code className="font-mono text-data text-ink">{visible(path)}</code>} {visible(message)}
        </li>
      ))}
    </ul>
  );
}
