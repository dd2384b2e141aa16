import { useState } from "react";

import { api } from "../../api/client";
import { useCommands } from "../../app/commands";
import { CallError } from "../../platform";
import { tellFailure } from "../../ui/toasts";
import { ReplayDialog, type Replayed } from "../replay";

/** The replay dialog of a list and its commands. R replays at once to the last target. */
export function ListReplay({ what }: { what: Replayed }) {
  const [open, setOpen] = useState<"one" | "edit" | "many">();
  const replay = async (request: string): Promise<void> => {
    try {
      await api.beginReplay({ requests: [request] });
    } catch (failure) {
      if (failure instanceof CallError && failure.code === "no_target") setOpen("one");
      else tellFailure(failure);
    }
  };
  const { request } = what;
  useCommands({
    ...(request && { replay: () => void replay(request), "edit-replay": () => setOpen("edit") }),
    "replay-many": () => setOpen("many"),
  });
  return (
    <ReplayDialog
      open={open !== undefined}
      onClose={() => setOpen(undefined)}
      what={what}
      edit={open === "edit"}
      many={open === "many"}
    />
  );
}
