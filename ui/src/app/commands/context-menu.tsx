import { ContextMenu } from "@base-ui/react/context-menu";
import { Fragment, useSyncExternalStore, type ReactElement, type ReactNode } from "react";

import { Keys } from "../../ui/button";
import { available, firstKeys, onAvailable, perform, titleOf, type CommandId } from "./commands";

/** An item of a context menu: a command, an action, or a line between groups. */
export type CommandItem = CommandId | "-" | { title: string; run: () => void };

const ITEM = "flex items-center justify-between gap-6 rounded-md px-3 py-1 outline-none data-highlighted:bg-selection";

/** A context menu of an element. `items` is called when the menu opens, and `onOpen` before. */
export function CommandContextMenu({
  label,
  items,
  onOpen,
  render,
  children,
}: {
  label: string;
  items: () => readonly CommandItem[];
  onOpen?: (event: MouseEvent) => void;
  /** The element that has the menu. */
  render: ReactElement<Record<string, unknown>>;
  children: ReactNode;
}) {
  return (
    <ContextMenu.Root onOpenChange={(open, { event }) => open && onOpen?.(event as MouseEvent)}>
      <ContextMenu.Trigger render={render}>{children}</ContextMenu.Trigger>
      <ContextMenu.Portal>
        <ContextMenu.Positioner className="z-50">
          <ContextMenu.Popup
            data-modal
            aria-label={label}
            className="min-w-52 rounded-[9px] border border-line bg-pane p-1 shadow-md"
          >
            <Items items={items} />
          </ContextMenu.Popup>
        </ContextMenu.Positioner>
      </ContextMenu.Portal>
    </ContextMenu.Root>
  );
}

/** Returns the items without those that are not available, and without lines that separate nothing. */
function shownItems(items: readonly CommandItem[]): CommandItem[] {
  const usable = items.filter((item) => typeof item !== "string" || item === "-" || available(item));
  return usable.filter(
    (item, place) => item !== "-" || (place > 0 && place < usable.length - 1 && usable[place - 1] !== "-"),
  );
}

function Items({ items }: { items: () => readonly CommandItem[] }) {
  // The row below the pointer opens with the menu, and brings its commands.
  useSyncExternalStore(onAvailable, () =>
    items()
      .filter((item) => typeof item === "string" && item !== "-" && available(item))
      .join(),
  );
  return shownItems(items()).map((item, place) => (
    <Fragment key={place}>
      {item === "-" ? (
        <ContextMenu.Separator className="my-1 h-px bg-line" />
      ) : typeof item === "string" ? (
        <ContextMenu.Item className={ITEM} onClick={() => perform(item)}>
          {titleOf(item)} <Keys keys={firstKeys(item)} />
        </ContextMenu.Item>
      ) : (
        <ContextMenu.Item className={ITEM} onClick={item.run}>
          {item.title}
        </ContextMenu.Item>
      )}
    </Fragment>
  ));
}
