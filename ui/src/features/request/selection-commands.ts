/** The commands on the selected requests. While requests are selected, they replace the commands on the open one. */
import { useNavigate } from "@tanstack/react-router";

import type { Summary } from "../../api/client";
import { useCommands } from "../../app/commands";
import { copySelected, pinSelected, readSelected, removeSelected } from "./actions";

export function useSelectionCommands(selection: ReadonlySet<string>, rowOf: (id: string) => Summary | undefined): void {
  const navigate = useNavigate();
  const ids = [...selection];
  const rows = (): Summary[] => ids.map(rowOf).filter((row) => row !== undefined);
  const [a, b] = ids;
  useCommands({
    ...(ids.length > 0 && {
      delete: () => void removeSelected(ids),
      pin: () => void pinSelected(ids, rows()),
      read: () => void readSelected(ids),
      "copy-curl": () => copySelected(ids),
    }),
    ...(ids.length === 2 && { diff: () => void navigate({ to: "/diff/$a/$b", params: { a: a!, b: b! } }) }),
  });
}
