import { GitCompare, MailOpen, Pin, Repeat, Terminal, Trash2, Upload } from "lucide-react";

import { perform } from "../../../app/commands";
import { Button, IconButton } from "../../../ui/button";
import { count } from "../../../ui/format";
import { clearSelection } from "../selection";

/** The actions on the selected requests. */
export function SelectionBar({ size }: { size: number }) {
  if (size === 0) return null;
  return (
    <div
      role="status"
      className="flex shrink-0 items-center gap-1 border-b border-line bg-selection px-3 py-1 text-small"
    >
      <span className="mr-auto font-medium whitespace-nowrap">{count(size)} selected</span>
      <IconButton label="Replay selected" icon={Repeat} onClick={() => perform("replay-many")} />
      <IconButton label="Pin selected" icon={Pin} onClick={() => perform("pin")} />
      <IconButton label="Mark selected as read" icon={MailOpen} onClick={() => perform("read")} />
      {size === 2 && <IconButton label="Compare selected" icon={GitCompare} onClick={() => perform("diff")} />}
      <IconButton label="Copy selected as curl" icon={Terminal} onClick={() => perform("copy-curl")} />
      <IconButton label="Export…" icon={Upload} onClick={() => perform("export")} />
      <IconButton label="Delete selected" icon={Trash2} onClick={() => perform("delete")} />
      <Button className="ml-1" onClick={clearSelection}>
        Clear
      </Button>
    </div>
  );
}
