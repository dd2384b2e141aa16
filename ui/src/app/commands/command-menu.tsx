import { Menu } from "@base-ui/react/menu";
import { Ellipsis } from "lucide-react";

import { IconButton, Keys } from "../../ui/button";
import { firstKeys, perform, titleOf, type CommandId } from "./commands";

/** A menu of commands behind an ellipsis, with the titles of the command table. */
export function CommandMenu({ label, commands }: { label: string; commands: readonly CommandId[] }) {
  return (
    <Menu.Root>
      <Menu.Trigger render={<IconButton label={label} icon={Ellipsis} />} />
      <CommandItems commands={commands} />
    </Menu.Root>
  );
}

/** The popup of a menu of commands. */
export function CommandItems({ commands }: { commands: readonly CommandId[] }) {
  return (
    <Menu.Portal>
      <Menu.Positioner sideOffset={4} className="z-50">
        <Menu.Popup data-modal className="rounded-[9px] border border-line bg-pane p-1 shadow-md">
          {commands.map((id) => (
            <Menu.Item
              key={id}
              onClick={() => perform(id)}
              className="flex items-center justify-between gap-6 rounded-md px-3 py-1 outline-none data-highlighted:bg-selection"
            >
              {titleOf(id)} <Keys keys={firstKeys(id)} />
            </Menu.Item>
          ))}
        </Menu.Popup>
      </Menu.Positioner>
    </Menu.Portal>
  );
}
