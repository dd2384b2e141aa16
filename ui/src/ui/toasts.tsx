/** Toasts: short messages about results, with undo, and about errors, with a hint. */
import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import type { ReactNode } from "react";

import { CallError } from "../platform";
import { Button, IconButton } from "./button";

const toasts = Toast.createToastManager();

/** Duration of an undo toast in ms, equal to the time for which the engine keeps deleted data. */
const UNDO_MS = 10_000;

export function tell(title: string): void {
  toasts.add({ title, timeout: 2500 });
}

export function tellFailure(error: unknown): void {
  const known = error instanceof CallError;
  toasts.add({
    title: known ? error.message : String(error),
    description: known ? `${error.hint} (${error.code})` : undefined,
    priority: "high",
    timeout: 12_000,
  });
}

export function offerUndo(title: string, undo: () => Promise<unknown>): void {
  const id = toasts.add({
    title,
    timeout: UNDO_MS,
    actionProps: {
      children: "Undo",
      onClick: () => {
        toasts.close(id);
        undo().catch(tellFailure);
      },
    },
  });
}

/** Waits for a promise and shows a toast if it fails. Returns undefined in that case. */
export async function attempt<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    tellFailure(error);
    return undefined;
  }
}

function List() {
  return Toast.useToastManager().toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className="flex items-center gap-3 rounded-[9px] border border-line bg-pane py-2 pr-2 pl-3 data-limited:hidden"
    >
      <div className="min-w-0 flex-1">
        <Toast.Title className="font-medium break-words" />
        <Toast.Description className="text-small text-ink-2" />
      </div>
      {toast.actionProps && <Toast.Action render={<Button />} />}
      <Toast.Close render={<IconButton label="Dismiss" icon={X} />} />
    </Toast.Root>
  ));
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts} limit={3}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="fixed bottom-10 left-1/2 z-50 flex w-[min(460px,92vw)] -translate-x-1/2 flex-col gap-2">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
