import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ArrowLeft, ArrowLeftRight, ChevronLeft, ChevronRight, GitCompare } from "lucide-react";

import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { useRequest } from "../../api/queries";
import { firstKeys, useCommands } from "../../app/commands";
import { inWords } from "../../platform";
import { IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { moment, visible } from "../../ui/format";
import { Notice } from "../../ui/notice";
import { prefer, usePreferences } from "../../ui/preferences";
import { DiffLines } from "./diff-lines";

const BASES = {
  json: "Bodies compared as JSON. Key order and white space are ignored.",
  text: "Bodies compared line by line.",
  bytes: "Bodies compared byte by byte.",
} as const;

const LAYOUTS = [
  ["side", "Side by side"],
  ["inline", "Inline"],
] as const;

/** Id of an attempt, `DELIVERY:NUMBER`. The responses of attempts are compared. */
const ATTEMPT = /^(.+):(\d+)$/;

function Who({ id, which }: { id: string; which: string }) {
  const [, delivery, number] = ATTEMPT.exec(id) ?? [];
  if (delivery)
    return (
      <span className="min-w-0 flex-1 truncate">
        <span className="text-ink-2">{which}</span>{" "}
        <strong className="font-semibold">response to attempt {number}</strong>
      </span>
    );
  return <Request id={id} which={which} />;
}

function Request({ id, which }: { id: string; which: string }) {
  const { data } = useRequest(id);
  if (!data) return <span className="flex-1" />;
  return (
    <span className="min-w-0 flex-1 truncate">
      <span className="text-ink-2">{which}</span>{" "}
      <strong className="font-semibold">{visible(data.event_type ?? data.method)}</strong>{" "}
      <span className="font-mono text-data">{visible(data.target)}</span>{" "}
      <span className="text-ink-2">{moment(data.arrived_at)}</span>
    </span>
  );
}

/** Returns the requests of the event if the two compared requests are consecutive in its timeline. */
function useEvent(a: string, b: string): { at: number; ids: string[] } | undefined {
  const { data: timeline } = useQuery({
    queryKey: [...keys.request(b), "timeline", "steps"],
    queryFn: () => api.timeline(b),
    gcTime: 60_000,
    enabled: !ATTEMPT.test(b),
  });
  const ids = timeline?.items.flatMap((item) => (item.type === "request" ? [item.request.id] : [])) ?? [];
  const at = ids.indexOf(b);
  return ids.length > 2 && at > 0 && ids[at - 1] === a ? { at, ids } : undefined;
}

interface Steps {
  at: number;
  last: number;
  step: (by: 1 | -1) => void;
}

/** Returns the steps through the requests of an event. Undefined if the two requests are not consecutive. */
function useSteps(a: string, b: string): Steps | undefined {
  const event = useEvent(a, b);
  const navigate = useNavigate();
  if (!event) return undefined;
  const { at, ids } = event;
  const step = (by: 1 | -1): void => {
    const [before, after] = [ids[at + by - 1], ids[at + by]];
    if (before && after) void navigate({ to: "/diff/$a/$b", params: { a: before, b: after }, replace: true });
  };
  return { at, last: ids.length - 1, step };
}

/** The differences between two requests, side by side or in one column. */
export function DiffPage({ a, b }: { a: string; b: string }) {
  const { data: diff, error } = useQuery({ queryKey: ["diff", a, b], queryFn: () => api.diff(a, b), gcTime: 60_000 });
  const inline = usePreferences().diff === "inline";
  const navigate = useNavigate();
  const leave = (): void => history.back();
  const steps = useSteps(a, b);
  useCommands({ leave, next: () => steps?.step(1), previous: () => steps?.step(-1) });
  return (
    <section aria-label="Comparison" className="flex h-full min-w-0 flex-col bg-pane">
      <header className="flex items-center gap-3 border-b border-line px-3 py-2">
        <IconButton label="Back" icon={ArrowLeft} onClick={leave} />
        <h1 className="text-title font-semibold tracking-tight">Compare</h1>
        <IconButton
          label="Swap sides"
          icon={ArrowLeftRight}
          onClick={() => void navigate({ to: "/diff/$a/$b", params: { a: b, b: a }, replace: true })}
        />
        {steps && <StepButtons steps={steps} />}
        <span className="ml-auto">
          <Choice
            label="Layout"
            value={inline ? "inline" : "side"}
            options={LAYOUTS}
            onChange={(now) => prefer({ diff: now })}
          />
        </span>
      </header>
      <div className="flex gap-4 border-b border-line px-4 py-2">
        <Who id={a} which="First" />
        <Who id={b} which="Second" />
      </div>
      {error && (
        <div className="p-6">
          <Notice icon={GitCompare} tone="plain" title="These two cannot be compared">
            {inWords(error)}
          </Notice>
        </div>
      )}
      {diff && (
        <p role="status" className="border-b border-line px-4 py-1 text-small text-ink-2">
          {diff.same ? "No differences" : (diff.note ?? BASES[diff.basis])}
        </p>
      )}
      <DiffLines diff={diff} what={ATTEMPT.test(a) ? "Response" : "Request"} inline={inline} />
    </section>
  );
}

function StepButtons({ steps: { at, last, step } }: { steps: Steps }) {
  return (
    <span className="flex items-center gap-1 text-small text-ink-2">
      <IconButton
        label="Previous comparison"
        icon={ChevronLeft}
        keys={firstKeys("previous")}
        disabled={at < 2}
        onClick={() => step(-1)}
      />
      <span data-testid="step">
        step {at} of {last}
      </span>
      <IconButton
        label="Next comparison"
        icon={ChevronRight}
        keys={firstKeys("next")}
        disabled={at >= last}
        onClick={() => step(1)}
      />
    </span>
  );
}
