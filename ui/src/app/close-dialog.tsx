import { useEffect, useState } from "react";

import { api } from "../api/client";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { platform } from "../platform";

/** Asked once when the window closes: keep listening or quit. */
export function CloseDialog() {
  const [asking, setAsking] = useState(false);
  useEffect(() => platform.onClosing?.(() => setAsking(true)), []);
  const answer = async (keep: boolean): Promise<void> => {
    setAsking(false);
    // If it cannot be kept in mind, it is asked again next time.
    await api.changeSettings({ on_close: keep ? "tray" : "quit" }).catch(() => undefined);
    await platform.close?.(keep);
  };
  return (
    <Dialog title="Keep listening?" open={asking} onClose={() => setAsking(false)}>
      <p className="mb-4">
        Hookbench can go on receiving with an icon in the tray. Start it again to see this window. Settings can change
        this later.
      </p>
      <div className="flex justify-end gap-2">
        <Button onClick={() => void answer(false)}>Quit</Button>
        <Button look="primary" onClick={() => void answer(true)}>
          Keep listening
        </Button>
      </div>
    </Dialog>
  );
}
