import { Trash2 } from "lucide-react";
import { useState } from "react";

import { api, type Tunnel } from "../../api/client";
import { inWords } from "../../platform";
import { Button } from "../../ui/button";
import { visible } from "../../ui/format";

/** The confirmation before a tunnel is deleted. Asks again if the relay could not be informed. */
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
        The public URLs stop working permanently{tunnel.durable && ", and requests waiting at the relay are deleted"}.
        Requests on this computer are kept.
      </p>
      {open && (
        <p role="alert" className="mb-4 text-invalid">
          {visible(open)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="danger" type="submit" icon={Trash2} onClick={() => void remove()}>
          {open ? "Delete anyway" : "Delete"}
        </Button>
      </div>
    </>
  );
}
