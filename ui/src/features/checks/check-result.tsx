import { ChevronRight, RotateCw } from "lucide-react";
import { useState } from "react";

import type { Asked } from "../../api/client";
import { Button } from "../../ui/button";
import { count, duration, visible, visibleLines } from "../../ui/format";
import { OUTCOMES } from "./outcomes";

/** Maximum number of requests shown for a check. A saved report has all of them. */
const SHOWN = 12;

/** Labels of the severities. */
const SEVERITIES: Record<Asked["level"], string> = { must: "Required", should: "Recommended", advice: "Advisory" };

/** Returns a text without the marks of code. */
const plain = (text: string): string => visible(text).replaceAll("`", "");

/** A check of a run: its result, its reason, and the requests that were sent for it. */
export function CheckResult({ check, onAgain }: { check: Asked; onAgain: (() => void) | undefined }) {
  const { icon: Icon, color } = OUTCOMES[check.outcome];
  const bad = check.outcome === "fail" || check.outcome === "warn";
  const [open, setOpen] = useState(false);
  return (
    <li className="border-t border-line">
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="flex cursor-default gap-2 py-1.5 hover:bg-hover">
          <ChevronRight size={14} aria-hidden className={`mt-1 shrink-0 text-ink-3 ${open ? "rotate-90" : ""}`} />
          <Icon size={16} aria-hidden className={`mt-0.5 shrink-0 ${color}`} />
          <span className="min-w-0 flex-1">
            <span className="font-medium">
              {check.number}. {check.title}
            </span>{" "}
            <span className={bad ? "" : "text-ink-2"}>{plain(check.message)}</span>
            {bad && <span className="block text-ink-2">{plain(check.advice)}</span>}
          </span>
        </summary>
        {open && (
          <div className="pb-3 pl-6">
            <p>
              {check.why}{" "}
              <span className="text-ink-2">
                {SEVERITIES[check.level]}. Source: {check.source}.
              </span>
            </p>
            {onAgain && (
              <div className="my-2">
                <Button icon={RotateCw} onClick={onAgain}>
                  Rerun check
                </Button>
              </div>
            )}
            {check.sent.slice(0, SHOWN).map((shot, place) => (
              <Probe key={place} shot={shot} />
            ))}
            {check.sent.length > SHOWN && (
              <p className="text-small text-ink-2">{count(check.sent.length - SHOWN)} more are in the saved report.</p>
            )}
          </div>
        )}
      </details>
    </li>
  );
}

/** A request that was sent for a check, and its response. */
function Probe({ shot }: { shot: Asked["sent"][number] }) {
  const head = (pairs: string[][]): string =>
    pairs.map(([name, value]) => `${name}: ${visible(value ?? "")}`).join("\n");
  const sent = `${shot.method} ${visible(shot.url)}\n${head(shot.headers)}\n\n${visibleLines(shot.body)}${shot.body_bytes > shot.body.length ? `\n(${count(shot.body_bytes)} bytes)` : ""}`;
  const came = shot.response
    ? `${shot.response.status}\n${head(shot.response.headers)}\n\n${visibleLines(shot.response.body)}`
    : "";
  return (
    <div className="mt-2">
      <p className="text-small text-ink-2">
        {visible(shot.label)} · {shot.response ? `responded with ${shot.response.status}` : "no response"} in{" "}
        {duration(shot.timings.total_us / 1000)}
      </p>
      {shot.error && <p className="text-invalid">{visible(shot.error.message)}</p>}
      <div className="grid grid-cols-2 gap-2 max-xl:grid-cols-1">
        {[sent, came].filter(Boolean).map((text, place) => (
          <pre
            key={place}
            tabIndex={0}
            aria-label={place ? "Response" : "Request"}
            className="max-h-60 overflow-auto rounded-[7px] border border-line p-2 font-mono text-data break-all whitespace-pre-wrap"
          >
            {text}
          </pre>
        ))}
      </div>
    </div>
  );
}
