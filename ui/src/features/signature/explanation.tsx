import { Check, X } from "lucide-react";
import { Fragment, type ReactNode } from "react";

import type { Explanation } from "../../api/client";
import { count, duration, moment, visible } from "../../ui/format";
import { SignatureStatus } from "./signature-status";
import { SignedPayload } from "./signed-payload";

interface Props {
  data: Explanation;
  /** Arrival of a stored request, which the time of signing is compared with. */
  arrived?: string;
  /** The prompt to change the secret. */
  editSecret?: ReactNode;
  /** Note on the secret, such as where it comes from. */
  secretNote?: string;
  /** True if the sentence is shown elsewhere, such as in the header of a request. */
  withoutSentence?: boolean;
}

/** The explanation of a signature status: the reason, the signed payload and the signatures. */
export function ExplanationView({ data, withoutSentence, ...rest }: Props) {
  return (
    <div className="space-y-3 p-4">
      {!withoutSentence && (
        <p className="flex items-start gap-3">
          <SignatureStatus
            status={data.reason === "no_secret" ? "unverified" : data.status}
            reason={data.reason}
            className="mt-0.5"
          />
          <span className="font-medium">{visible(data.sentence)}</span>
        </p>
      )}
      {data.advice && <p className="text-ink-2">{visible(data.advice).replaceAll("`", "")}</p>}
      {data.content_bytes > 0 && <SignedPayload data={data} />}
      <Signatures data={data} {...rest} />
    </div>
  );
}

/** Number of characters of a signature that are shown together. */
const GROUP = 8;

/** A signature in groups. The gaps are margins, so that copying gives no spaces. */
function Digest({ text, color }: { text: string; color: string }) {
  const groups = visible(text).match(new RegExp(`.{1,${GROUP}}`, "gu")) ?? [];
  return (
    <code className={`font-mono text-data break-all ${color}`}>
      {groups.map((group, place) => (
        <span key={place} className="mr-1.5 inline-block">
          {group}
        </span>
      ))}
    </code>
  );
}

function Mark({ good, children }: { good: boolean; children: ReactNode }) {
  const Icon = good ? Check : X;
  return (
    <span
      className={`inline-flex items-center gap-1 text-small whitespace-nowrap ${good ? "text-valid" : "text-invalid"}`}
    >
      <Icon size={14} aria-hidden /> {children}
    </span>
  );
}

function Row({ name, mark, children }: { name: string; mark?: ReactNode; children: ReactNode }) {
  return (
    <div className="grid grid-cols-[112px_minmax(0,1fr)_auto] items-baseline gap-x-3 border-b border-line px-3 py-1.5 last:border-0">
      <dt className="text-ink-2">{name}</dt>
      <dd className="min-w-0">{children}</dd>
      <dd className="justify-self-end">{mark}</dd>
    </div>
  );
}

function Signatures({ data, arrived, editSecret, secretNote }: Props) {
  const { found, expected, fixed, places, summary, masked_secrets, tried, complete } = data;
  const matches = found != null && found === expected;
  return (
    <dl aria-label="Signatures" className="overflow-hidden rounded-[9px] border border-line bg-pane">
      {found != null && (
        <Row name="Received">
          <Digest text={found} color="" />
        </Row>
      )}
      {expected != null && (
        <Row name="Computed" mark={found != null && <Mark good={matches}>{matches ? "matches" : "differs"}</Mark>}>
          <Digest text={expected} color={matches ? "text-valid" : found == null ? "" : "text-invalid"} />
        </Row>
      )}
      {found != null && expected != null && !matches && (
        <Row name="With the fix" mark={fixed != null && <Mark good={fixed === found}>matches</Mark>}>
          {fixed != null ? (
            <Digest text={fixed} color="text-valid" />
          ) : (
            <span className="text-ink-2">No common mistake matches.</span>
          )}
        </Row>
      )}
      {masked_secrets.length > 0 && (
        <Row name="Secret" mark={editSecret}>
          {masked_secrets.map((secret, place) => (
            <Fragment key={place}>
              {place > 0 && ", "}
              <code className="font-mono text-data">{visible(secret)}</code>
              {data.secret === place && masked_secrets.length > 1 && <span className="text-valid"> (matches)</span>}
            </Fragment>
          ))}
          {secretNote && <span className="ml-2 text-ink-2">{secretNote}</span>}
        </Row>
      )}
      {data.signed_at && arrived && <Skew data={data} signed={data.signed_at} arrived={arrived} />}
      <Row
        name="Scheme"
        mark={
          tried > 0 && (
            <span className="text-small text-ink-2">
              {count(tried)} common mistakes tested{complete ? "" : ", until the time limit"}
            </span>
          )
        }
      >
        {places.length > 0 && <>{places.join(" or ")}: </>}
        <span className="font-mono text-data text-ink-2">{visible(summary)}</span>
      </Row>
    </dl>
  );
}

/** The time between signing and arrival, as a part of the time that the scheme allows. */
function Skew({ data, signed, arrived }: { data: Explanation; signed: string; arrived: string }) {
  const seconds = (Date.parse(arrived) - Date.parse(signed)) / 1000;
  const allowed = data.tolerance_s;
  const late = allowed != null && Math.abs(seconds) > allowed;
  const part = allowed ? Math.min(1, Math.abs(seconds) / allowed) : 0;
  return (
    <Row name="Clock skew" mark={allowed != null && <Mark good={!late}>{late ? "too old" : "in time"}</Mark>}>
      <span className="flex flex-wrap items-center gap-x-3">
        <span className={late ? "font-medium text-invalid" : ""}>
          {duration(Math.abs(seconds) * 1000)} {seconds < 0 ? "ahead" : ""}
        </span>
        {allowed != null && (
          <span aria-hidden className="relative h-1.5 w-36 rounded-full bg-hover">
            <span
              className={`absolute -top-0.5 h-2.5 w-1 rounded-full ${late ? "bg-invalid" : "bg-accent"}`}
              style={{ left: `calc(${part * 100}% - 2px)` }}
            />
          </span>
        )}
        <span className="text-small text-ink-2">
          {allowed != null && `of ${duration(allowed * 1000)} allowed · `}signed {moment(signed)}
        </span>
      </span>
    </Row>
  );
}
