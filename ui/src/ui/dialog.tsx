import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { useEffect, useRef, type ReactNode } from "react";

import { confirm } from "./confirm";

/** A dialog. After an input, a click outside does nothing, and closing asks for confirmation. */
export function Dialog({
  title,
  open,
  onClose,
  children,
  wide,
  isSaved,
}: {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
  /** True if closing loses nothing, whatever was entered. */
  isSaved?: boolean;
}) {
  const popup = useRef<HTMLDivElement>(null);
  const dirty = useRef(false);
  useEffect(() => {
    dirty.current = false;
  }, [open]);
  const close = async (reason: string): Promise<void> => {
    if (dirty.current && !isSaved) {
      if (reason === "outside-press" || reason === "focus-out") return;
      if (!(await confirm("Discard changes?", `"${title}" has not been saved.`, "Discard"))) return;
    }
    onClose();
  };
  return (
    <BaseDialog.Root open={open} onOpenChange={(now, { reason }) => !now && void close(reason)}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className="fixed inset-0 z-40 bg-black/30" />
        <BaseDialog.Popup
          ref={popup}
          data-modal
          onInput={() => (dirty.current = true)}
          initialFocus={() =>
            popup.current?.querySelector<HTMLElement>("[data-first-focus]") ??
            popup.current?.querySelector<HTMLElement>("input:not([aria-hidden]),textarea") ??
            popup.current?.querySelector<HTMLElement>("[type=submit]") ??
            popup.current ??
            true
          }
          className={`fixed top-[8vh] left-1/2 z-50 flex max-h-[calc(92vh-96px)] -translate-x-1/2 flex-col rounded-[9px] border border-line bg-pane ${wide ? "w-[min(640px,92vw)]" : "w-[min(460px,92vw)]"}`}
        >
          <header className="flex items-center justify-between border-b border-line px-4 py-2">
            <BaseDialog.Title className="text-title font-semibold tracking-tight">{title}</BaseDialog.Title>
            <BaseDialog.Close
              render={
                // Without a tooltip, which would take the first Escape.
                <button
                  type="button"
                  aria-label="Close"
                  className="control inline-flex aspect-square items-center justify-center rounded-[7px] text-ink-2 hover:bg-hover hover:text-ink"
                >
                  <X size={16} aria-hidden />
                </button>
              }
            />
          </header>
          <div className="scroll-pb-20 overflow-auto p-4">{children}</div>
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}
