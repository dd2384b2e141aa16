import type { ReactNode } from "react";

/** A section of the settings. The title is also the target of links. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section id={title.toLowerCase().replaceAll(" ", "-")} className="mb-6 border-b border-line pb-4">
      <h2 className="mb-3 text-title font-semibold tracking-tight">{title}</h2>
      {children}
    </section>
  );
}
