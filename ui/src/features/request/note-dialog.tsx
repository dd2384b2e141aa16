import { useEffect, useState } from "react";

import { api, type Detail } from "../../api/client";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { INPUT } from "../../ui/input";
import { attempt } from "../../ui/toasts";

/** The dialog that edits the note on a request. */
export function NoteDialog({ detail, open, onClose }: { detail: Detail; open: boolean; onClose: () => void }) {
  const [text, setText] = useState(detail.note);
  useEffect(() => setText(detail.note), [detail.note, open]);
  const save = (): void => void attempt(api.markRequest(detail.id, { note: text.trim() }).then(onClose));
  return (
    <Dialog title="Note" open={open} onClose={onClose}>
      <textarea
        aria-label="Note on this request"
        rows={5}
        maxLength={1000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && save()}
        className={`${INPUT} h-auto! py-2`}
      />
      <div className="mt-3 flex justify-end">
        <Button look="primary" onClick={save} keys="Ctrl+Enter">
          Save
        </Button>
      </div>
    </Dialog>
  );
}
