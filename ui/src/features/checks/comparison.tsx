import { useQuery } from "@tanstack/react-query";

import { api } from "../../api/client";
import { moment } from "../../ui/format";
import { OUTCOMES, type Outcome } from "./outcomes";

/** The differences between two runs. */
export function Comparison({ before, after }: { before: string; after: string }) {
  const { data } = useQuery({
    queryKey: ["check-comparison", before, after],
    queryFn: () => api.compareChecks(before, after),
  });
  if (!data) return null;
  const word = (outcome: Outcome | null | undefined): string => (outcome ? OUTCOMES[outcome].word : "not in that run");
  return (
    <section aria-label="Compared" className="mb-4 rounded-[9px] border border-line p-3">
      <h3 className="mb-1 font-semibold">Changes since the run of {moment(data.before.created_at)}</h3>
      {data.changed.length === 0 && <p className="text-ink-2">No differences</p>}
      <ul>
        {data.changed.map((one) => (
          <li key={one.id}>
            {one.number}. {one.title}{" "}
            <span className={one.before ? OUTCOMES[one.before].color : "text-ink-2"}>{word(one.before)}</span> →{" "}
            <span className={one.after ? OUTCOMES[one.after].color : "text-ink-2"}>{word(one.after)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
