import { Trash2 } from "lucide-react";
import { useState } from "react";

import { api, type Tunnel } from "../../api/client";
import { inWords } from "../../platform";
import { Button } from "../../ui/button";
import { visible } from "../../ui/format";

/** Asks before a tunnel is removed, and again where its relay does not know of it yet. */
export function RemoveTunnel({ tunnel, onClose }: { tunnel: Tunnel; onClose: () => void }) {
  const [open, setOpen] = useState<string>();
  const remove = async (): Promise<void> => {
    try {
      await api.removeTunnel(tunnel.id, open !== undefined);
      onClose();
    } catch (failure) {
      setOpen(inWords(failure));
    }
  };
  return (
    <>
      <p className="mb-4">
        Its public URLs end for good{tunnel.durable && ", and what waits at the relay is dropped"}. Requests that are
        here stay.
      </p>
      {open && (
        <p role="alert" className="mb-4 text-invalid">
          {visible(open)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Keep it</Button>
        <Button look="danger" type="submit" icon={Trash2} onClick={() => void remove()}>
          {open ? "Remove it all the same" : "Remove"}
        </Button>
      </div>
    </>
  );
}
