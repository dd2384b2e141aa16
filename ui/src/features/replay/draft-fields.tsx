import { lazy, Suspense } from "react";

import { TextAreaField, TextField } from "../../ui/field";
import type { Draft } from "./draft";

const CodeView = lazy(() => import("../../ui/code-view"));

/** Mask of a hidden credential. */
const MASK = "••••••••";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The editable parts of a request. `first` contains the original values. */
export function DraftFields({
  draft,
  first,
  set,
}: {
  draft: Draft;
  first: Draft;
  set: (change: Partial<Draft>) => void;
}) {
  return (
    <>
      <div className="flex gap-4">
        <TextField label="Method" mono value={draft.method} onChange={(method) => set({ method })} />
        <div className="flex-1">
          <TextField label="Appended path" mono value={draft.path} onChange={(path) => set({ path })} />
        </div>
      </div>
      <TextAreaField
        label="Headers"
        hint={`One per line. ${MASK} keeps the stored value. Hop-by-hop headers are omitted.`}
        rows={6}
        value={draft.headers}
        onChange={(headers) => set({ headers })}
      />
      <p className="mb-1 font-medium">Body</p>
      <div className="h-60 overflow-hidden rounded-[7px] border border-line bg-control">
        <Suspense fallback={null}>
          <CodeView
            text={first.body}
            language={isJson(first.body) ? "json" : "text"}
            label="Body"
            onChange={(body) => set({ body })}
          />
        </Suspense>
      </div>
      <p className="mt-1 mb-4 text-small text-ink-2">The stored request is not changed.</p>
    </>
  );
}
