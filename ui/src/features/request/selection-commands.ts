/** The commands on the selected requests. While requests are selected, they replace the commands on the open one. */
import { useNavigate } from "@tanstack/react-router";

import type { Summary } from "../../api/client";
import { useCommands } from "../../app/commands";
import { rowThatStays, type Rows } from "./list/rows";
import { copySelected, pinSelected, readSelected, removeSelected } from "./actions";

export function useSelectionCommands(
  selection: ReadonlySet<string>,
  list: Rows,
  opened: string | undefined,
  onPick: (id: string) => void,
): void {
  const navigate = useNavigate();
  const ids = [...selection];
  const rows = (): Summary[] => ids.map((id) => list.at(list.indexOf(id))).filter((row) => row !== undefined);
  const remove = (): void => {
    // The open request gives way to the next one that stays.
    const next = opened && ids.includes(opened) ? rowThatStays(list, list.indexOf(opened), ids) : undefined;
    if (next) onPick(next);
    void removeSelected(ids);
  };
  const [a, b] = ids;
  useCommands({
    ...(ids.length > 0 && {
      delete: remove,
      pin: () => void pinSelected(ids, rows()),
      read: () => void readSelected(ids),
      "copy-curl": () => copySelected(ids),
    }),
    ...(ids.length === 2 && { diff: () => void navigate({ to: "/diff/$a/$b", params: { a: a!, b: b! } }) }),
  });
}
