import { Menu } from "@base-ui/react/menu";
import { Ellipsis } from "lucide-react";

import { IconButton } from "./button";

/** A menu of actions behind an ellipsis. */
export function RowMenu({ label, items }: { label: string; items: readonly (readonly [string, () => void])[] }) {
  return (
    <Menu.Root>
      <Menu.Trigger render={<IconButton label={label} icon={Ellipsis} className="h-7!" />} />
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-50">
          <Menu.Popup data-modal className="min-w-36 rounded-[9px] border border-line bg-pane p-1 shadow-md">
            {items.map(([title, run]) => (
              <Menu.Item
                key={title}
                onClick={run}
                className="rounded-md px-3 py-1 outline-none data-highlighted:bg-selection"
              >
                {title}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
