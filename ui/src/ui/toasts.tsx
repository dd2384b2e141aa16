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

/** The undo of the newest toast that offers one. */
let lastUndo: (() => void) | undefined;

/** Undoes the last action that can be undone. Returns false if there is none. */
export function undoLast(): boolean {
  const undo = lastUndo;
  undo?.();
  return Boolean(undo);
}

export function offerUndo(title: string, undo: () => Promise<unknown>): void {
  const run = (): void => {
    if (lastUndo === run) lastUndo = undefined;
    toasts.close(id);
    undo().catch(tellFailure);
  };
  lastUndo = run;
  window.setTimeout(() => {
    if (lastUndo === run) lastUndo = undefined;
  }, UNDO_MS);
  const id = toasts.add({
    title,
    timeout: UNDO_MS,
    actionProps: { children: "Undo", onClick: run },
  });
}

/**
 * Does something that the engine cannot undo after the time for an undo. `undo` restores what the page shows until
 * then.
 */
export function afterUndo(title: string, work: () => Promise<unknown>, undo: () => Promise<unknown>): void {
  const timer = window.setTimeout(() => work().catch(tellFailure), UNDO_MS);
  offerUndo(title, () => {
    clearTimeout(timer);
    return undo();
  });
}

/** Tells a result, with a button that leads to it. */
export function tellWithLink(title: string, name: string, show: () => void): void {
  const id = toasts.add({
    title,
    timeout: 6_000,
    actionProps: {
      children: name,
      onClick: () => {
        toasts.close(id);
        show();
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
