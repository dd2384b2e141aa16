/** A confirmation before an action that cannot be undone. */
import { AlertDialog } from "@base-ui/react/alert-dialog";
import { useSyncExternalStore } from "react";

import { Button } from "./button";

interface Question {
  title: string;
  text: string;
  /** Label of the confirm button. */
  agree: string;
  response: (agreed: boolean) => void;
}

let open: Question | undefined;
const listeners = new Set<() => void>();

function show(question: Question | undefined): void {
  open = question;
  listeners.forEach((listener) => listener());
}

/** Asks a question and returns true if the user agreed. A second question cancels the first. */
export function confirm(title: string, text: string, agree: string): Promise<boolean> {
  open?.response(false);
  return new Promise((response) => show({ title, text, agree, response }));
}

function end(agreed: boolean): void {
  const question = open;
  show(undefined);
  question?.response(agreed);
}

/** The dialog of all questions. The page renders it once. */
export function Confirm() {
  const question = useSyncExternalStore(
    (listener) => (listeners.add(listener), () => listeners.delete(listener)),
    () => open,
  );
  return (
    <AlertDialog.Root open={question !== undefined} onOpenChange={(now) => !now && end(false)}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 z-60 bg-black/30" />
        <AlertDialog.Popup
          data-modal
          className="fixed top-[20vh] left-1/2 z-60 w-[min(400px,92vw)] -translate-x-1/2 rounded-[9px] border border-line bg-pane p-4"
        >
          <AlertDialog.Title className="text-title font-semibold tracking-tight">{question?.title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-1 mb-4 text-ink-2">{question?.text}</AlertDialog.Description>
          <div className="flex justify-end gap-2">
            <AlertDialog.Close render={<Button>Cancel</Button>} />
            <Button look="danger" onClick={() => end(true)}>
              {question?.agree}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
