import { CheckCircle2, MinusCircle, XCircle } from "lucide-react";

import type { Cause } from "../../api/client";
import { visible } from "../../ui/format";

const FOUND = {
  ok: { icon: CheckCircle2, color: "text-valid", word: "OK" },
  failed: { icon: XCircle, color: "text-invalid", word: "Cause" },
  skipped: { icon: MinusCircle, color: "text-ink-2", word: "Skipped" },
} as const;

/** The steps of a diagnosis, each with its result. */
export function Diagnosis({ causes }: { causes: Cause[] }) {
  return (
    <ul aria-label="Diagnosis" aria-live="polite" className="mb-4 rounded-[9px] border border-line bg-pane px-3 py-2">
      {causes.map(({ name, found, detail }) => {
        const { icon: Icon, color, word } = FOUND[found];
        return (
          <li key={name} className="flex items-start gap-2 py-0.5">
            <Icon size={14} aria-label={word} className={`mt-0.5 shrink-0 ${color}`} />
            <span className="w-28 shrink-0 font-medium">{name}</span>
            <span className={found === "failed" ? "text-invalid" : "text-ink-2"}>{visible(detail)}</span>
          </li>
        );
      })}
    </ul>
  );
}
