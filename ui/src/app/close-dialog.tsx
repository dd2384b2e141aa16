import { useEffect, useState } from "react";

import { api } from "../api/client";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { platform } from "../platform";

/** The dialog shown when the window closes: keep listening or quit. */
export function CloseDialog() {
  const [asking, setAsking] = useState(false);
  useEffect(() => platform.onClosing?.(() => setAsking(true)), []);
  const response = async (keep: boolean): Promise<void> => {
    setAsking(false);
    // If the choice cannot be saved, the dialog appears again next time.
    await api.changeSettings({ on_close: keep ? "tray" : "quit" }).catch(() => undefined);
    await platform.close?.(keep);
  };
  return (
    <Dialog title="Keep listening?" open={asking} onClose={() => setAsking(false)}>
      <p className="mb-4">
        Hookbench can keep receiving requests in the background, with an icon in the tray. Start Hookbench again to
        reopen this window. You can change this later in Settings.
      </p>
      <div className="flex justify-end gap-2">
        <Button onClick={() => void response(false)}>Quit</Button>
        <Button look="primary" onClick={() => void response(true)}>
          Keep listening
        </Button>
      </div>
    </Dialog>
  );
}
