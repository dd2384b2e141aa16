import { Dialog } from "@base-ui/react/dialog";
import { useEffect, useRef, useState } from "react";

import { Keys } from "../ui/button";
import { Combobox, ComboboxInput, ComboboxList } from "../ui/combobox";
import { usePaletteEntries, type Entry } from "./palette-entries";

/** Maximum number of listed entries. Without input, all commands and settings fit. */
const SHOWN = 100;

const PROMPT = "Command, inbox, endpoint, request or setting";

export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [needle, setNeedle] = useState("");
  const shown = usePaletteEntries(open, needle).slice(0, SHOWN);
  const input = useRef<HTMLInputElement>(null);
  const chosen = useRef<Entry>(undefined);
  useEffect(() => {
    if (open) setNeedle("");
  }, [open]);
  const run = (entry: Entry): void => {
    // The dialog restores the focus when it closes. After that the chosen entry may move it.
    chosen.current = entry;
    onClose();
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(now) => !now && onClose()}
      onOpenChangeComplete={(now) => {
        if (!now) chosen.current?.run();
        chosen.current = undefined;
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/30" />
        <Dialog.Popup
          data-modal
          initialFocus={input}
          aria-label="Find anything"
          className="fixed top-[12vh] left-1/2 z-50 flex max-h-[60vh] w-[min(600px,92vw)] -translate-x-1/2 flex-col rounded-[9px] border border-line bg-pane"
        >
          <Combobox items={shown} text={needle} onText={setNeedle} highlightsFirst>
            <ComboboxInput
              ref={input}
              aria-label={PROMPT}
              placeholder={PROMPT}
              className="border-b border-line bg-transparent px-4 py-3 text-[15px] outline-none placeholder:text-ink-3"
            />
            <ComboboxList
              label="Results"
              className="min-h-0 overflow-auto p-1"
              itemKey={({ id }: Entry) => id}
              itemClass="flex items-center gap-3 rounded-md px-3 py-1.5"
              onPick={run}
            >
              {({ title, note, keys }) => (
                <>
                  <span className="truncate">{title}</span>
                  <span className="ml-auto shrink-0 text-small text-ink-2">{note}</span>
                  {keys && <Keys keys={keys} />}
                </>
              )}
            </ComboboxList>
            {shown.length === 0 && <p className="px-4 pt-3 pb-5 text-ink-2">No results</p>}
          </Combobox>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
