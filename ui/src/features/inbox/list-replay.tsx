import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { api, type ReplayNew } from "../../api/client";
import { useCommands } from "../../app/commands";
import { CallError } from "../../platform";
import { tellFailure } from "../../ui/toasts";
import { ReplayDialog, type Replayed } from "../replay";

/** The replay dialog of a list and its commands. R replays at once to the last target. */
export function ListReplay({ what }: { what: Replayed }) {
  const [open, setOpen] = useState<"one" | "many">();
  const navigate = useNavigate();
  const replay = async (request: string, settings: ReplayNew["settings"] = {} as never): Promise<void> => {
    try {
      await api.beginReplay({ requests: [request], settings });
    } catch (failure) {
      if (failure instanceof CallError && failure.code === "no_target") setOpen("one");
      else tellFailure(failure);
    }
  };
  const { request } = what;
  useCommands({
    ...(request && {
      replay: () => void replay(request),
      "resign-replay": () => void replay(request, { re_sign: "inbox" } as never),
      "replay-to": () => setOpen("one"),
      "edit-replay": () => void navigate({ to: "/compose", search: { request } }),
    }),
    "replay-many": () => setOpen("many"),
  });
  return (
    <ReplayDialog open={open !== undefined} onClose={() => setOpen(undefined)} what={what} many={open === "many"} />
  );
}
