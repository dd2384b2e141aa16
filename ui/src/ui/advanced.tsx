import { useState, type ReactNode } from "react";

/** Optional fields or notes. They are hidden until the user opens them, unless one of the fields is set. */
export function Advanced({
  label = "Advanced",
  isSet = false,
  children,
}: {
  label?: string;
  isSet?: boolean;
  children: ReactNode;
}) {
  // Only at first, so that the fields stay open while the user empties them.
  const [open] = useState(isSet);
  return (
    <details className="mb-4" open={open}>
      <summary className="mb-2 cursor-default font-medium">{label}</summary>
      {children}
    </details>
  );
}
