/** Reports that requests cannot be read. */
import { CallError } from "../../../platform";
import { tellFailure } from "../../../ui/toasts";

/** Shows a toast. A missing inbox needs none: the page of the inbox says that the inbox was deleted or renamed. */
export function tellReadFailure(error: unknown): void {
  if (error instanceof CallError && error.code === "inbox_not_found") return;
  tellFailure(error);
}
