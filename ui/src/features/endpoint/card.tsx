import type { ReactNode } from "react";

/** A card of the right column, with a title and an action. */
export function Card({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="min-w-0 overflow-hidden rounded-[9px] border border-line bg-pane">
      <h2 className="flex items-center gap-2 border-b border-line bg-background px-3 py-1.5 font-semibold">
        {title}
        {action && <span className="ml-auto font-normal">{action}</span>}
      </h2>
      <div className="p-3">{children}</div>
    </section>
  );
}
