import { Tabs } from "@base-ui/react/tabs";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronDown, ChevronRight, Copy, GitCompare } from "lucide-react";
import { useState } from "react";

import { text, type Attempt } from "../../api/client";
import { IconButton } from "../../ui/button";
import { clock, duration, size, visible, visibleLines } from "../../ui/format";
import { laidOut } from "../../ui/json-text";
import { Status } from "../../ui/status";
import { copyText } from "../../ui/transfer";
import { TimingBar, TimingLegend } from "./timing-bar";

/** Classes of blocks that show sent or received text. */
export const PRE = "max-h-80 overflow-auto p-3 font-mono text-data break-all whitespace-pre-wrap";

interface Props {
  /** Id of the delivery. */
  id: string;
  made: Attempt;
  /** Number of the previous attempt with a response. */
  before: number | undefined;
  /** Duration that fills the whole timing bar, in ms. */
  scale_ms: number;
  isOpen: boolean;
}

/** An attempt: one line, with the response, the request and the durations below it when open. */
export function AttemptRow({ id, made, before, scale_ms, isOpen }: Props) {
  const [open, setOpen] = useState(isOpen);
  const { number, started_at, status, error, timings } = made;
  const Chevron = open ? ChevronDown : ChevronRight;
  const reason = error ? visible(error.message) : made.response_cut ? "truncated to 64 KiB" : "";
  return (
    <li className="border-t border-line">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className={`attempt-grid w-full items-center px-3 py-1.5 text-left hover:bg-hover ${open ? "bg-background" : ""}`}
      >
        <span className="font-mono text-data text-ink-2">{number}</span>
        <time dateTime={started_at} className="font-mono text-data text-ink-2">
          {clock(started_at)}
        </time>
        {status ? (
          <Status status={status} className="font-mono text-data" />
        ) : (
          <strong className={`font-mono text-data ${error ? "text-invalid" : "text-ink-2"}`}>
            {error ? "✕" : "…"}
          </strong>
        )}
        <span className="attempt-bar">
          {timings.total_us > 0 && <TimingBar timings={timings} scale_ms={scale_ms} />}
        </span>
        <span className="text-right font-mono text-data">
          {timings.total_us > 0 && duration(timings.total_us / 1000)}
        </span>
        <span className="truncate text-invalid" title={reason}>
          {reason}
        </span>
        <Chevron size={15} aria-hidden className="text-ink-3" />
      </button>
      {open && <AttemptParts id={id} made={made} before={before} />}
    </li>
  );
}

const headersOf = (lines: Attempt["request_headers"]): string =>
  lines.map(({ name, value }) => `${name}: ${visible(value)}`).join("\n");

const TAB =
  "border-b-2 border-transparent px-1 py-1 text-small text-ink-2 data-active:border-accent data-active:font-medium data-active:text-ink";

function AttemptParts({ id, made, before }: Pick<Props, "id" | "made" | "before">) {
  const { status, error, timings, remote_address, response_headers, request_headers, response_bytes } = made;
  const responded = status != null;
  const { data: body } = useQuery({
    queryKey: ["attempt-body", id, made.number, responded],
    queryFn: () => text(`/api/v1/deliveries/${id}/attempts/${made.number}/body`),
    enabled: responded && response_bytes > 0,
    staleTime: Infinity,
  });
  return (
    <div className="space-y-2 px-3 pt-1 pb-3 @[30rem]/card:pl-10">
      <TimingLegend timings={timings} />
      <p className="flex flex-wrap items-center gap-x-3 text-small text-ink-2">
        {error && <span className="text-invalid">{visible(error.message)}</span>}
        {remote_address && <span>to {remote_address}</span>}
        {responded && before !== undefined && (
          <Link
            to="/diff/$a/$b"
            params={{ a: `${id}:${before}`, b: `${id}:${made.number}` }}
            className="inline-flex items-center gap-1 text-accent"
          >
            <GitCompare size={13} aria-hidden /> Compare with previous response
          </Link>
        )}
      </p>
      <Tabs.Root
        // The response of a running attempt is shown when it arrives.
        key={String(responded)}
        defaultValue={responded ? "body" : "sent"}
        className="overflow-hidden rounded-[8px] border border-line bg-pane"
      >
        <div className="flex items-center border-b border-line bg-background px-3">
          <Tabs.List aria-label="Parts of the attempt" className="flex items-center gap-3">
            {responded && (
              <>
                <Tabs.Tab value="body" className={TAB}>
                  Response body <span className="font-normal text-ink-3">{size(response_bytes)}</span>
                </Tabs.Tab>
                <Tabs.Tab value="headers" className={TAB}>
                  Headers <span className="font-normal text-ink-3">{response_headers.length}</span>
                </Tabs.Tab>
              </>
            )}
            <Tabs.Tab value="sent" className={TAB}>
              Sent headers <span className="font-normal text-ink-3">{request_headers.length}</span>
            </Tabs.Tab>
          </Tabs.List>
          {body && (
            <IconButton
              label="Copy response body"
              icon={Copy}
              className="ml-auto h-7!"
              onClick={() => copyText(body, "response body")}
            />
          )}
        </div>
        <Tabs.Panel value="body">
          <ResponseBody body={body} isEmpty={response_bytes === 0} isError={(status ?? 0) >= 400} />
        </Tabs.Panel>
        <Tabs.Panel value="headers">
          <pre className={PRE} tabIndex={0}>
            {headersOf(response_headers)}
          </pre>
        </Tabs.Panel>
        <Tabs.Panel value="sent">
          <pre className={PRE} tabIndex={0}>
            {headersOf(request_headers)}
          </pre>
        </Tabs.Panel>
      </Tabs.Root>
    </div>
  );
}

/** A frame of a stack trace in a library, which is rarely the cause. */
const LIBRARY = /node_modules|site-packages|\/lib\/|node:internal|vendor\/|\.rvm|\/usr\//;
/** A line of a stack trace, of the common languages. */
const FRAME = /^\s+at |^\s+File "|^\s+from |^#\d+ |^\s*goroutine |\.go:\d+/;

/** The body of a response. In a stack trace, the message and the frames of the own project stand out. */
function ResponseBody({ body, isEmpty, isError }: { body: string | undefined; isEmpty: boolean; isError: boolean }) {
  if (isEmpty) return <p className="p-3 text-ink-2">The response has no body.</p>;
  if (body === undefined) return null;
  const text = laidOut(body);
  // A stack trace in a JSON string has escaped line ends.
  const lines = visibleLines(isError ? text.replaceAll("\\n", "\n") : text).split("\n");
  const isTrace = isError && lines.some((line) => FRAME.test(line));
  if (!isTrace) {
    return (
      <pre className={PRE} tabIndex={0}>
        {lines.join("\n")}
      </pre>
    );
  }
  const first = lines.findIndex((line) => line.trim());
  const look = (line: string, at: number): string =>
    at === first
      ? "font-semibold text-invalid"
      : !FRAME.test(line)
        ? ""
        : LIBRARY.test(line)
          ? "text-ink-3"
          : "text-accent";
  return (
    <pre className={PRE} tabIndex={0}>
      {lines.map((line, at) => (
        <span key={at} className={look(line, at)}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
