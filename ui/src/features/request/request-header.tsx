import { ArrowLeft, GitCompare, NotebookPen, PencilLine, Pin, Repeat, Terminal, Trash2 } from "lucide-react";
import type { RefObject } from "react";

import type { Detail } from "../../api/client";
import { CommandMenu, firstKeys, perform } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { duration, moment, size, visible } from "../../ui/format";
import { Status } from "../../ui/status";
import { SignatureStatus } from "../signature";

const MENU = ["code", "copy-raw", "copy-body", "copy-headers", "note", "delete"] as const;

/** The header of a request with its summary and actions. */
export function RequestHeader({
  detail,
  heading,
  onLeave,
}: {
  detail: Detail;
  heading: RefObject<HTMLHeadingElement | null>;
  onLeave: () => void;
}) {
  return (
    <header className="border-b border-line px-4 py-3">
      <div className="flex items-baseline gap-3">
        <span className="-ml-2 self-center md:hidden">
          <IconButton label="Back to list" icon={ArrowLeft} onClick={onLeave} />
        </span>
        <h1 ref={heading} tabIndex={-1} className="min-w-0 truncate text-title font-semibold tracking-tight">
          {detail.event_type ? visible(detail.event_type) : visible(detail.method)}{" "}
          <span className="font-mono text-[14px] font-medium">{visible(detail.target)}</span>
        </h1>
        {detail.provider && <span className="ml-auto shrink-0 text-ink-2">{detail.provider}</span>}
      </div>
      <p className="text-small text-ink-2">
        <SignatureStatus status={detail.signature_status} reason={detail.reason} className="mr-1 align-text-bottom" />{" "}
        {detail.signature_status !== "unverified" && "· "}
        response <Status status={detail.status} /> · {size(detail.body_bytes)} in {duration(detail.receiving_ms)} ·{" "}
        {moment(detail.arrived_at)} · {detail.version}
        {detail.remote_address && ` from ${detail.remote_address}`}
        {detail.source && ` · imported from ${visible(detail.source)}`}
      </p>
      <Actions pinned={detail.pinned} />
      {detail.note && <p className="mt-2 rounded-md bg-selection px-3 py-1 whitespace-pre-wrap">{detail.note}</p>}
    </header>
  );
}

function Actions({ pinned }: { pinned: boolean }) {
  return (
    <div className="mt-2 flex flex-wrap items-center gap-2">
      <Button icon={Repeat} onClick={() => perform("replay")} keys={firstKeys("replay")}>
        Replay
      </Button>
      <Button icon={PencilLine} onClick={() => perform("edit-replay")} keys={firstKeys("edit-replay")}>
        Edit
      </Button>
      <Button icon={Terminal} onClick={() => perform("copy-curl")} keys={firstKeys("copy-curl")}>
        Copy as curl
      </Button>
      <IconButton
        label={pinned ? "Unpin" : "Pin"}
        icon={Pin}
        pressed={pinned}
        keys={firstKeys("pin")}
        onClick={() => perform("pin")}
      />
      <IconButton label="Edit note" icon={NotebookPen} keys={firstKeys("note")} onClick={() => perform("note")} />
      <IconButton label="Compare" icon={GitCompare} keys={firstKeys("diff")} onClick={() => perform("diff")} />
      <IconButton label="Delete request" icon={Trash2} keys={firstKeys("delete")} onClick={() => perform("delete")} />
      <CommandMenu label="More request actions" commands={MENU} />
    </div>
  );
}
