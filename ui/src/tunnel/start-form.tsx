import { useState } from "react";

import { api } from "../api/client";
import { queries } from "../feed/live";
import { Dialog, Field, FormEnd, INPUT } from "../parts/controls";
import { tell } from "../parts/toasts";
import { inWords } from "../platform";

export function StartDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title="New tunnel" open={open} onClose={onClose}>
      <StartForm onClose={onClose} />
    </Dialog>
  );
}

function StartForm({ onClose }: { onClose: () => void }) {
  const [relay, setRelay] = useState("");
  const [code, setCode] = useState("");
  const [device, setDevice] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const start = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await api.addTunnel({ relay, code, device: device || null });
      await queries.invalidateQueries({ queryKey: ["tunnels"] });
      onClose();
      tell("This machine is let in");
    } catch (failure) {
      setError(inWords(failure));
    } finally {
      setBusy(false);
    }
  };
  const plain = relay.startsWith("http://") && !/^http:\/\/(127\.|localhost|\[::1\])/.test(relay);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <Field label="Relay" hint={plain ? "Without https anyone on the way can read what comes through." : "Its address, such as https://relay.example"}>
        {(props) => <input {...props} required className={`${INPUT} font-mono text-data`} value={relay} onChange={(event) => setRelay(event.target.value)} />}
      </Field>
      <Field label="Code" hint="From the relay's owner: hookline relay device add. Good once, for half an hour.">
        {(props) => <input {...props} required autoComplete="off" className={`${INPUT} font-mono text-data`} value={code} onChange={(event) => setCode(event.target.value)} />}
      </Field>
      <Field label="Name of this machine" hint="What the relay's owner sees; its own name if left empty.">
        {(props) => <input {...props} className={INPUT} value={device} onChange={(event) => setDevice(event.target.value)} />}
      </Field>
      <FormEnd error={error}>{busy ? "Dialling…" : "Start"}</FormEnd>
    </form>
  );
}
