/** The dialog that replays one request, the selected requests or a list. */
import { Dialog } from "../../ui/dialog";
import { ReplayForm, type Replayed } from "./replay-form";

export function ReplayDialog({ open, ...rest }: { open: boolean; onClose: () => void; what: Replayed; many: boolean }) {
  return (
    <Dialog title="Replay" open={open} onClose={rest.onClose} wide>
      <ReplayForm {...rest} />
    </Dialog>
  );
}
