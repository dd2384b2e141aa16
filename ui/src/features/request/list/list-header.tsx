import { Menu } from "@base-ui/react/menu";
import { ArrowDown, Check, Columns3 } from "lucide-react";

import { IconButton } from "../../../ui/button";
import { day } from "../../../ui/format";
import { useNow } from "../../../ui/now";
import { prefer, usePreferences } from "../../../ui/preferences";
import { COLUMNS, type Layout } from "./columns";

const MINUTE_MS = 60_000;

/** The header of a list: the names of the columns, and a menu that hides columns. */
export function ListHeader({ layout, topDay }: { layout: Layout; topDay: string | undefined }) {
  const { shown, word } = layout;
  const today = day(useNow(MINUTE_MS));
  const isToday = topDay === undefined || day(topDay) === today;
  return (
    <div className="group/header flex h-7 shrink-0 items-center border-b border-line pr-3 pl-2 text-small text-ink-2 select-none">
      <div aria-hidden className="request-grid w-full items-center">
        <span />
        <span>{word && "Signature"}</span>
        <span>Event</span>
        {shown.has("inbox") && <span>Inbox</span>}
        {shown.has("path") && <span>Path</span>}
        {shown.has("app") && <span className="text-right">App</span>}
        {shown.has("response") && <span className="text-right">Response</span>}
        {shown.has("size") && <span className="text-right">Size</span>}
        <span className="flex items-center justify-end gap-0.5 whitespace-nowrap">
          {isToday ? "Time" : day(topDay)} <ArrowDown size={11} />
        </span>
      </div>
      <ColumnMenu />
    </div>
  );
}

/** The menu of columns. It stays open while columns are chosen. */
function ColumnMenu() {
  const { hiddenColumns } = usePreferences();
  const toggle = (id: string): void =>
    prefer({
      hiddenColumns: hiddenColumns.includes(id) ? hiddenColumns.filter((one) => one !== id) : [...hiddenColumns, id],
    });
  return (
    <Menu.Root>
      <Menu.Trigger
        render={
          <IconButton
            label="Columns"
            icon={Columns3}
            className="-mr-2 h-6! w-0 overflow-hidden opacity-0 group-hover/header:w-6 group-hover/header:opacity-100 focus-visible:w-6 focus-visible:opacity-100 data-popup-open:w-6 data-popup-open:opacity-100"
          />
        }
      />
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-50">
          <Menu.Popup data-modal className="rounded-[9px] border border-line bg-pane p-1">
            {COLUMNS.map(({ id, name }) => (
              <Menu.CheckboxItem
                key={id}
                checked={!hiddenColumns.includes(id)}
                onCheckedChange={() => toggle(id)}
                closeOnClick={false}
                className="grid grid-cols-[16px_1fr] items-center gap-2 rounded-md px-3 py-1 outline-none data-highlighted:bg-selection"
              >
                <Menu.CheckboxItemIndicator className="col-start-1">
                  <Check size={13} aria-hidden />
                </Menu.CheckboxItemIndicator>
                <span className="col-start-2">{name}</span>
              </Menu.CheckboxItem>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
