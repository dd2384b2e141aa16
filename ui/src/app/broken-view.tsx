import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { AlertTriangle } from "lucide-react";

import { inWords } from "../platform";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import { copyText } from "../ui/transfer";

/** A view that failed because of a defect of the page. Other views still work. */
export function BrokenView({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = (): void => {
    reset();
    void router.invalidate();
  };
  return (
    <div className="mx-auto max-w-[640px] p-6">
      <Notice icon={AlertTriangle} tone="invalid" title="This view failed. That is a defect in Hookbench.">
        <p className="mb-3">
          Stored requests are not affected. Open the view again, choose another one, or report the error below.
        </p>
        <pre className="mb-3 max-h-60 overflow-auto font-mono text-data whitespace-pre-wrap text-ink">
          {inWords(error)}
        </pre>
        <span className="flex gap-2">
          <Button onClick={again}>Open again</Button>
          <Button
            onClick={() =>
              copyText(error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : inWords(error), "error")
            }
          >
            Copy error
          </Button>
        </span>
      </Notice>
    </div>
  );
}
