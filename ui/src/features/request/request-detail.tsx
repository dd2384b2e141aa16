import { useNavigate } from "@tanstack/react-router";
import { AlertTriangle } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { api } from "../../api/client";
import { useRequest } from "../../api/queries";
import { firstKeys, useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { attempt, tell } from "../../ui/toasts";
import { requestActions } from "./actions";
import { CodeDialog } from "./copy-as-code";
import { NoteDialog } from "./note-dialog";
import { Outcome } from "./outcome";
import { ReportDialog } from "./report-dialog";
import { RequestHeader } from "./request-header";
import { RequestTabs } from "./request-tabs";
import { useSelection } from "./selection";
import { Violations } from "./violations";

/** Id of the request marked for the next comparison. */
let marked: string | undefined;

/** Returns a function that marks a request, or compares it with the marked one. */
function useCompare(id: string): () => void {
  const navigate = useNavigate();
  return () => {
    if (marked && marked !== id) {
      const first = marked;
      marked = undefined;
      void navigate({ to: "/diff/$a/$b", params: { a: first, b: id } });
    } else {
      marked = id;
      tell(`Marked. Choose another request and press ${firstKeys("diff")} to compare.`);
    }
  };
}

export function RequestDetail({ id, onLeave, onGone }: { id: string; onLeave: () => void; onGone: () => void }) {
  const { data: detail, error } = useRequest(id);
  const [noting, setNoting] = useState(false);
  const [reporting, setReporting] = useState(false);
  const [coding, setCoding] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const actions = requestActions(id);
  const selection = useSelection();
  const compare = useCompare(id);
  useEffect(() => {
    if (detail?.unread) void attempt(api.markRequest(id, { read: true }));
  }, [id, detail?.unread]);
  const remove = (): void => {
    actions.remove();
    onGone();
  };
  const isSelecting = selection.size > 0;
  useCommands({
    open: () => heading.current?.focus(),
    leave: onLeave,
    code: () => setCoding(true),
    "copy-raw": actions.copyRaw,
    "copy-body": actions.copyBody,
    "copy-headers": actions.copyHeaders,
    note: () => setNoting(true),
    report: () => setReporting(true),
    // While requests are selected, these act on the selection.
    ...(!isSelecting && {
      "copy-curl": actions.copyCurl,
      diff: compare,
      pin: () => detail && actions.pin(!detail.pinned),
      delete: remove,
    }),
  });

  if (error) {
    return (
      <div className="p-6">
        <Notice icon={AlertTriangle} tone="plain" title="Request not found">
          The request was deleted by a user or by retention. <Button onClick={onLeave}>Back to list</Button>
        </Notice>
      </div>
    );
  }
  if (!detail) return null;
  return (
    <article aria-label="Request" className="@container/detail flex h-full min-w-0 flex-col">
      <RequestHeader detail={detail} heading={heading} onLeave={onLeave} />
      <Outcome detail={detail} />
      <Violations key={`schema-${id}`} detail={detail} />
      <RequestTabs key={id} detail={detail} />
      <CodeDialog id={id} open={coding} onClose={() => setCoding(false)} />
      <ReportDialog ids={isSelecting ? [...selection] : [id]} open={reporting} onClose={() => setReporting(false)} />
      <NoteDialog detail={detail} open={noting} onClose={() => setNoting(false)} />
    </article>
  );
}
