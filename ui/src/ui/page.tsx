import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

/** The frame of a page: title, subtitle and actions above the content. */
export function Page({
  title,
  subtitle,
  actions,
  label = title,
  wide,
  beside,
  children,
}: {
  title: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  /** Name of the region, if it differs from the title. */
  label?: string;
  /** What is shown beside the title, such as a state. */
  beside?: ReactNode;
  /** True if the content uses the whole width. */
  wide?: boolean;
  children: ReactNode;
}) {
  return (
    <section
      aria-label={label}
      data-pane="page"
      tabIndex={0}
      className="h-full min-h-0 min-w-0 overflow-auto p-6 outline-none"
    >
      <div className={wide ? "" : "max-w-5xl"}>
        <header className="mb-4 flex flex-wrap items-start justify-between gap-x-6 gap-y-2">
          <div className="min-w-0 flex-1 basis-80">
            <div className="flex flex-wrap items-center gap-x-3">
              <h1 className="min-w-0 truncate text-title font-semibold tracking-tight">{title}</h1>
              {beside}
            </div>
            {subtitle && <p className="text-ink-2">{subtitle}</p>}
          </div>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </header>
        {children}
      </div>
    </section>
  );
}

/** What a page shows instead of an empty list: one sentence and one action. */
export function Empty({ icon: Icon, children, action }: { icon: LucideIcon; children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-[9px] border border-dashed border-line px-6 py-10 text-center">
      <Icon size={22} aria-hidden className="text-ink-3" />
      <p className="max-w-prose text-ink-2">{children}</p>
      {action}
    </div>
  );
}
