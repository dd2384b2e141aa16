import { CircleAlert, CircleCheck, RotateCcw, WandSparkles } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { Button } from "../../ui/button";
import { count, size } from "../../ui/format";

const CodeView = lazy(() => import("../../ui/code-view"));

export interface JsonState {
  isJson: boolean;
  /** Reason why the text is not JSON. */
  error: string | undefined;
}

/** Returns whether a text is JSON. A placeholder outside quotes, such as `{{now}}`, counts as a value. */
export function jsonState(text: string): JsonState {
  if (!text.trim()) return { isJson: false, error: undefined };
  const looksLikeJson = /^\s*[[{"]/.test(text);
  try {
    JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|\{\{[^{}]*\}\}/g, (_, quoted: string | undefined) => quoted ?? "0"));
    return { isJson: true, error: undefined };
  } catch (failure) {
    const message = failure instanceof Error ? failure.message : String(failure);
    return { isJson: false, error: looksLikeJson ? message.replace(/^JSON\.parse: /, "") : undefined };
  }
}

/** The editor. It reads the body once, because it would lose the focus and its history with a new text. */
function Editor({
  body,
  takesFocus,
  onChange,
}: {
  body: string;
  takesFocus: boolean;
  onChange: (now: string) => void;
}) {
  const [first] = useState(body);
  const isJson = /^\s*[[{]/.test(first) || first === "";
  return (
    <CodeView
      text={first}
      language={isJson ? "json" : "text"}
      label="Body"
      takesFocus={takesFocus}
      onChange={onChange}
    />
  );
}

/** The body of a draft with its validation. */
export function BodyEditor({
  body,
  version,
  remarks,
  takesFocus,
  onChange,
  onFormat,
  onReset,
}: {
  body: string;
  /** Grows when the body is replaced from outside the editor. */
  version: number;
  /** Differences from what usually arrives, in words. */
  remarks: readonly string[];
  /** True if the editor takes the focus when the composer opens. */
  takesFocus: boolean;
  onChange: (now: string) => void;
  onFormat: () => void;
  onReset: () => void;
}) {
  const { isJson, error } = jsonState(body);
  return (
    <section
      aria-label="Body"
      className="flex min-h-56 flex-1 flex-col overflow-hidden rounded-[9px] border border-line bg-pane"
    >
      <h2 className="flex items-center gap-2 border-b border-line bg-background px-3 py-1 font-semibold">
        Body
        <span className="ml-auto flex gap-2">
          <Button icon={WandSparkles} disabled={!isJson} onClick={onFormat}>
            Format
          </Button>
          <Button icon={RotateCcw} onClick={onReset}>
            Original
          </Button>
        </span>
      </h2>
      <div className="min-h-0 flex-1">
        <Suspense fallback={null}>
          <Editor key={version} body={body} takesFocus={takesFocus} onChange={onChange} />
        </Suspense>
      </div>
      <p role="status" className="flex flex-wrap items-center gap-x-4 border-t border-line px-3 py-1 text-small">
        {error ? (
          <span className="flex items-center gap-1.5 text-warning">
            <CircleAlert size={13} aria-hidden /> Invalid JSON: {error}. It is sent as it is.
          </span>
        ) : (
          <span className="flex items-center gap-1.5 text-ink-2">
            {isJson && <CircleCheck size={13} aria-hidden className="text-valid" />}
            {isJson ? "Valid JSON, " : ""}
            {size(new TextEncoder().encode(body).length)}
          </span>
        )}
        {remarks.slice(0, 2).map((remark) => (
          <span key={remark} className="flex items-center gap-1.5 text-warning">
            <CircleAlert size={13} aria-hidden /> {remark}
          </span>
        ))}
        {remarks.length > 2 && <span className="text-warning">{count(remarks.length - 2)} more</span>}
      </p>
    </section>
  );
}
