/** The dialog that replays one request, unchanged or edited, the selected requests or a list. */
import { Dialog } from "../../ui/dialog";
import { ReplayForm, type Replayed } from "./replay-form";

export function ReplayDialog({
  open,
  ...rest
}: {
  open: boolean;
  onClose: () => void;
  what: Replayed;
  edit: boolean;
  many: boolean;
}) {
  return (
    <Dialog title={rest.edit ? "Edit and replay" : "Replay"} open={open} onClose={rest.onClose} wide>
      <ReplayForm {...rest} />
    </Dialog>
  );
}
