import { Tabs } from "@base-ui/react/tabs";
import {
  AlertTriangle,
  ArrowLeft,
  GitCompare,
  NotebookPen,
  PencilLine,
  Pin,
  Repeat,
  Terminal,
  Trash2,
} from "lucide-react";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { api, type Detail } from "../../api/client";
import { CommandMenu, firstKeys, perform, useCommands } from "../../app/commands";
import { useRequest } from "../../api/queries";
import { useSelection } from "./selection";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { INPUT } from "../../ui/input";
import { Notice } from "../../ui/notice";
import { Status } from "../../ui/status";
import { duration, moment, size, visible } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { removeTicked, requestActions } from "./actions";
import { AnswerTab } from "./response-tab";
import { BodyTab } from "./body/body-tab";
import { CodeDialog } from "./copy-as-code";
import { HeadersTab } from "./headers-tab";
import { RawTab } from "./raw-tab";
import { SignatureTab } from "./signature-tab";
import { ThreadTab } from "./timeline-tab";
import { SignatureStatus } from "../signature";

const MENU = ["code", "copy-raw", "copy-body", "copy-headers", "note", "delete"] as const;

function Note({ detail, open, onClose }: { detail: Detail; open: boolean; onClose: () => void }) {
  const [text, setText] = useState(detail.note);
  useEffect(() => setText(detail.note), [detail.note, open]);
  const save = (): void => void attempt(api.markRequest(detail.id, { note: text.trim() }).then(onClose));
  return (
    <Dialog title="Note" open={open} onClose={onClose}>
      <textarea
        aria-label="Note on this request"
        rows={5}
        maxLength={1000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && save()}
        className={`${INPUT} h-auto! py-2`}
      />
      <div className="mt-3 flex justify-end">
        <Button look="primary" onClick={save} keys="Ctrl+Enter">
          Save
        </Button>
      </div>
    </Dialog>
  );
}

/** The request that the next one is compared with. */
let marked: string | undefined;

/** Who goes through requests looks at the same side of each. */
let lastTab = "body";

export function RequestDetail({ id, onLeave, onGone }: { id: string; onLeave: () => void; onGone: () => void }) {
  const { data: detail, error } = useRequest(id);
  const [tab, setTab] = useState(lastTab);
  const navigate = useNavigate();
  const [noting, setNoting] = useState(false);
  const [coding, setCoding] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const actions = requestActions(id);
  const ticked = useSelection();

  useEffect(() => {
    if (detail?.unread) void attempt(api.markRequest(id, { read: true }));
  }, [id, detail?.unread]);

  useCommands({
    open: () => heading.current?.focus(),
    leave: onLeave,
    code: () => setCoding(true),
    "copy-curl": actions.copyCurl,
    "copy-raw": actions.copyRaw,
    "copy-body": actions.copyBody,
    "copy-headers": actions.copyHeaders,
    diff: () => {
      if (marked && marked !== id) {
        const first = marked;
        marked = undefined;
        void navigate({ to: "/diff/$a/$b", params: { a: first, b: id } });
      } else {
        marked = id;
        tell(`Marked. Choose another request and press ${firstKeys("diff")} to compare.`);
      }
    },
    pin: () => detail && actions.pin(!detail.pinned),
    note: () => setNoting(true),
    delete: () => {
      // Whoever opened one of those that are ticked means all of them.
      if (ticked.has(id)) return void removeTicked([...ticked]).then(onGone);
      actions.remove();
      onGone();
    },
  });

  if (error) {
    return (
      <div className="p-6">
        <Notice icon={AlertTriangle} tone="plain" title="This request is not there">
          It was deleted or has rolled over. <Button onClick={onLeave}>Back to the list</Button>
        </Notice>
      </div>
    );
  }
  if (!detail) return null;
  return (
    <article aria-label="Request" className="flex h-full min-w-0 flex-col">
      <header className="border-b border-line px-4 py-3">
        <div className="flex items-baseline gap-3">
          <span className="-ml-2 self-center md:hidden">
            <IconButton label="Back to the list" icon={ArrowLeft} onClick={onLeave} />
          </span>
          <h1 ref={heading} tabIndex={-1} className="min-w-0 truncate text-title font-semibold tracking-tight">
            {detail.event_type ? visible(detail.event_type) : visible(detail.method)}{" "}
            <span className="font-mono text-[14px] font-medium">{visible(detail.target)}</span>
          </h1>
          {detail.provider && <span className="ml-auto shrink-0 text-ink-2">{detail.provider}</span>}
        </div>
        <p className="text-small text-ink-2">
          <SignatureStatus verdict={detail.verdict} reason={detail.reason} className="mr-1 align-text-bottom" />{" "}
          {detail.verdict !== "unchecked" && "· "}
          answered <Status status={detail.status} /> · {size(detail.body_bytes)} in {duration(detail.receiving_ms)} ·{" "}
          {moment(detail.arrived_at)} · {detail.version}
          {detail.peer && ` from ${detail.peer}`}
          {detail.source && ` · imported from ${visible(detail.source)}`}
        </p>
        <div className="mt-2 flex flex-wrap items-center gap-2">
          <Button icon={Repeat} onClick={() => perform("replay")} keys={firstKeys("replay")}>
            Replay
          </Button>
          <Button icon={PencilLine} onClick={() => perform("edit-replay")} keys={firstKeys("edit-replay")}>
            Edit
          </Button>
          <Button icon={Terminal} onClick={actions.copyCurl} keys={firstKeys("copy-curl")}>
            Copy as curl
          </Button>
          <IconButton
            label={detail.pinned ? "Unpin" : "Pin"}
            icon={Pin}
            pressed={detail.pinned}
            keys={firstKeys("pin")}
            onClick={() => actions.pin(!detail.pinned)}
          />
          <IconButton
            label="Write a note"
            icon={NotebookPen}
            keys={firstKeys("note")}
            onClick={() => setNoting(true)}
          />
          <IconButton
            label="Compare with another"
            icon={GitCompare}
            keys={firstKeys("diff")}
            onClick={() => perform("diff")}
          />
          <IconButton
            label="Delete request"
            icon={Trash2}
            keys={firstKeys("delete")}
            onClick={() => perform("delete")}
          />
          <CommandMenu label="More for this request" commands={MENU} />
        </div>
        {detail.note && <p className="mt-2 rounded-md bg-selection px-3 py-1 whitespace-pre-wrap">{detail.note}</p>}
      </header>
      <Tabs.Root
        value={tab}
        onValueChange={(now) => setTab((lastTab = String(now)))}
        className="flex min-h-0 flex-1 flex-col"
      >
        <Tabs.List className="flex gap-5 border-b border-line px-4">
          {(
            [
              ["body", "Body", null],
              ["headers", "Headers", detail.headers.length],
              ["signature", "Signature", null],
              ["answer", "Answer", null],
              ["thread", "Thread", detail.earlier > 0 ? detail.earlier + 1 : null],
              ["raw", "Raw", null],
            ] as const
          ).map(([value, name, number]) => (
            <Tabs.Tab
              key={value}
              value={value}
              className="border-b-2 border-transparent py-1.5 font-medium text-ink-2 data-active:border-accent data-active:text-ink"
            >
              {name} {number !== null && <span className="text-small text-ink-3">{number}</span>}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="body" className="min-h-0 flex-1">
          <BodyTab key={id} detail={detail} />
        </Tabs.Panel>
        <Tabs.Panel value="headers" className="min-h-0 flex-1 overflow-auto">
          <HeadersTab key={id} detail={detail} />
        </Tabs.Panel>
        <Tabs.Panel value="signature" className="min-h-0 flex-1 overflow-auto">
          <SignatureTab key={id} detail={detail} />
        </Tabs.Panel>
        <Tabs.Panel value="answer" className="min-h-0 flex-1 overflow-auto">
          <AnswerTab detail={detail} />
        </Tabs.Panel>
        <Tabs.Panel value="thread" className="min-h-0 flex-1 overflow-auto">
          <ThreadTab detail={detail} />
        </Tabs.Panel>
        <Tabs.Panel value="raw" className="min-h-0 flex-1">
          <RawTab key={id} detail={detail} />
        </Tabs.Panel>
      </Tabs.Root>
      <CodeDialog id={id} open={coding} onClose={() => setCoding(false)} />
      <Note detail={detail} open={noting} onClose={() => setNoting(false)} />
    </article>
  );
}
