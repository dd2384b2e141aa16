import { useState, type ReactNode } from "react";

/** Optional fields of a form. They are hidden until the user opens them, unless one of them is set. */
export function Advanced({ isSet = false, children }: { isSet?: boolean; children: ReactNode }) {
  // Only at first, so that the fields stay open while the user empties them.
  const [open] = useState(isSet);
  return (
    <details className="mb-4" open={open}>
      <summary className="mb-2 cursor-default font-medium">Advanced</summary>
      {children}
    </details>
  );
}
