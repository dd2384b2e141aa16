import type { Forward, InboxResponse, Rule } from "../../api/client";
import { visible } from "../../ui/format";
import { Status } from "../../ui/status";

/** Maximum length of a body in a sentence, in characters. */
const BODY_MAX = 48;

/** A query as it is written. */
export function Query({ text }: { text: string }) {
  return (
    <code className="rounded-[5px] border border-line bg-background px-1.5 font-mono text-data break-all">
      {visible(text)}
    </code>
  );
}

const FAULTS: Record<NonNullable<InboxResponse["fault"]>["type"], string> = {
  reset: "reset the connection",
  hang: "do not respond",
  truncate: "truncate the response",
  slow: "respond slowly",
  garbage: "respond with invalid HTTP",
};

function Response({ response: { status, body, fault, file, template, delay_ms } }: { response: InboxResponse }) {
  const silent = fault?.type === "reset" || fault?.type === "hang";
  const text = body.replace(/\s+/g, " ").trim();
  return (
    <>
      {fault ? FAULTS[fault.type] : "respond"} {!silent && <Status status={status} className="font-mono text-data" />}
      {text && (
        <>
          {" "}
          with{" "}
          <code className="font-mono text-data break-all">
            {visible(text.length > BODY_MAX ? `${text.slice(0, BODY_MAX)}…` : text)}
          </code>
          {template && <span className="text-ink-2"> (template)</span>}
        </>
      )}
      {file && <> with the file {visible(file.name)}</>}
      {delay_ms > 0 && <span className="text-ink-2"> after {delay_ms} ms</span>}
    </>
  );
}

const PER = { event: "per event", inbox: "per inbox" } as const;
const AT_END = { last: "then repeat the last", first: "then start over", next_rule: "then use the next rule" } as const;

/** A rule as a sentence. */
export function RuleSentence({ rule }: { rule: Rule }) {
  const { when, responses, per = "event", at_end = "last" } = rule;
  return (
    <p className="min-w-0">
      {when?.trim() ? (
        <>
          When <Query text={when.trim()} />{" "}
        </>
      ) : (
        "Always "
      )}
      {responses.map((response, place) => (
        <span key={place}>
          {place > 0 && ", then "}
          <Response response={response} />
        </span>
      ))}
      {responses.length > 1 && (
        <span className="text-ink-2">
          {" "}
          {PER[per]}, {AT_END[at_end]}
        </span>
      )}
    </p>
  );
}

/** What a forward does, as a sentence. */
export function ForwardSentence({ forward: { when, re_sign, path, transform } }: { forward: Forward }) {
  const parts = [
    path === "exact" ? "path not appended" : "path appended",
    ...(transform ? ["transformed"] : []),
    ...(re_sign ? ["re-signed"] : []),
  ];
  return (
    <p className="flex flex-wrap items-center gap-x-2 text-ink-2">
      {when?.trim() ? (
        <>
          When <Query text={when.trim()} />
        </>
      ) : (
        "Every request"
      )}
      <span>{parts.join(", ")}</span>
    </p>
  );
}

/** The default response of an inbox, or the proxy that responds instead, as a sentence. */
export function OtherwiseSentence({ response, proxy }: { response: InboxResponse; proxy: Forward | undefined }) {
  return (
    <p className="min-w-0">
      Otherwise{" "}
      {proxy ? (
        <>
          return the response of <strong className="font-semibold">{visible(proxy.name || proxy.to)}</strong>; if it
          does not respond within {(proxy.deadline_ms ?? 9000) / 1000} s, respond{" "}
          <Status status={proxy.fallback?.status ?? 502} className="font-mono text-data" />
        </>
      ) : (
        <Response response={response} />
      )}
    </p>
  );
}
