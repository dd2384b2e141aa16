import { Menu } from "@base-ui/react/menu";
import { Ellipsis } from "lucide-react";

import { IconButton, Keys } from "../../ui/button";
import { COMMANDS, firstKeys, perform, type CommandId } from "./commands";

/** A menu of commands, with the titles of the command table. */
export function CommandMenu({ label, commands }: { label: string; commands: readonly CommandId[] }) {
  return (
    <Menu.Root>
      <Menu.Trigger render={<IconButton label={label} icon={Ellipsis} />} />
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} className="z-50">
          <Menu.Popup data-modal className="rounded-[9px] border border-line bg-pane p-1">
            {commands.map((id) => (
              <Menu.Item
                key={id}
                onClick={() => perform(id)}
                className="flex items-center justify-between gap-6 rounded-md px-3 py-1 data-highlighted:bg-selection"
              >
                {COMMANDS.find((command) => command.id === id)?.title} <Keys keys={firstKeys(id)} />
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
