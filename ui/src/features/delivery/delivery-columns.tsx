import type { Delivery } from "../../api/client";
import { age, clock, duration, moment, visible } from "../../ui/format";
import type { Column } from "../../ui/table";
import { Countdown } from "./countdown";
import { DeliveryState } from "./delivery-state";

interface Options {
  /** True if rows show the endpoint. A list for one endpoint omits it. */
  withEndpoint: boolean;
  /** True if rows show the error. There is no room for it beside an open delivery. */
  withError: boolean;
  /** True if rows show the time of creation. The deliveries of a scenario run share it. */
  withCreated: boolean;
  endpointOf: (delivery: Delivery) => string;
  now: number;
  onPick: (id: string) => void;
}

/** Names of statuses that apps respond with when they fail (RFC 9110 §15). */
const STATUS_NAMES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** Returns why a delivery failed: the error, else the failed status, else why nothing more is sent. */
const causeOf = ({ status, error, reason }: Pick<Delivery, "status" | "error" | "reason">): string =>
  error ?? (status && status >= 300 ? (STATUS_NAMES[status] ?? `Status ${status}`) : (reason ?? ""));

const CUT = "max-w-0 truncate pr-3 text-ink-2";
/** Hides the error in a narrow table, where it would cut the event. The status has it as its tooltip. */
const WIDE_ONLY = "@max-[47.5rem]/table:hidden";
/** Hides a column beside an open delivery, where the event needs the room. */
const MIDDLE_ONLY = "@max-[36rem]/table:hidden";

/** Returns the columns of a table of deliveries. */
export function deliveryColumns({
  withEndpoint,
  withError,
  withCreated,
  endpointOf,
  now,
  onPick,
}: Options): Column<Delivery>[] {
  const event: Column<Delivery> = {
    header: "Event",
    headerClass: "pl-3 font-medium",
    className: "pl-3",
    cell: ({ id, event_type, method, origin }) => (
      <span className="flex items-center gap-2">
        <button type="button" className="min-w-0 truncate text-left font-medium" onClick={() => onPick(id)}>
          {visible(event_type || `${method} ${origin}`)}
        </button>
        {origin === "test" && (
          <span className="shrink-0 rounded-[5px] border border-line px-1 text-small text-ink-2">test</span>
        )}
      </span>
    ),
  };
  const endpoint: Column<Delivery> = {
    header: "Endpoint",
    headerClass: `${MIDDLE_ONLY} w-[16%] pl-3 font-medium`,
    className: `${CUT} ${MIDDLE_ONLY} pl-3`,
    cell: (delivery) => visible(endpointOf(delivery)),
  };
  const error: Column<Delivery> = {
    header: "Error",
    headerClass: `${WIDE_ONLY} pl-4 font-medium ${withEndpoint ? "w-[18%]" : "w-[26%]"}`,
    className: `${CUT} pl-4 ${WIDE_ONLY}`,
    cell: ({ next_at, status, reason, error: why }) =>
      next_at ? (
        <>
          next <Countdown at={next_at} />
        </>
      ) : (
        visible(causeOf({ status, error: why, reason }))
      ),
  };
  return [
    event,
    ...(withEndpoint ? [endpoint] : []),
    ...OUTCOME,
    ...(withCreated ? [created(now)] : []),
    ...(withError ? [error] : []),
  ];
}

/** Columns for the outcome of a delivery. */
const OUTCOME: readonly Column<Delivery>[] = [
  {
    header: "State",
    headerClass: "w-24 font-medium",
    className: "align-middle",
    cell: ({ state }) => <DeliveryState state={state} className="align-middle" />,
  },
  {
    header: "Status",
    headerClass: "w-12 text-right font-medium",
    className: ({ state }) =>
      `text-right font-mono text-data font-semibold ${state === "delivered" ? "text-valid" : "text-invalid"}`,
    cell: (delivery) => <span title={causeOf(delivery)}>{delivery.status ?? "–"}</span>,
  },
  {
    header: "Attempts",
    headerClass: `${MIDDLE_ONLY} w-28 pl-4 font-medium`,
    className: `${MIDDLE_ONLY} pl-4`,
    cell: (delivery) => <Dots delivery={delivery} />,
  },
  {
    header: "Duration",
    headerClass: `${MIDDLE_ONLY} w-16 text-right font-medium`,
    className: `${MIDDLE_ONLY} text-right text-ink-2`,
    cell: ({ duration_ms }) => duration_ms != null && duration(duration_ms),
  },
];

/** Maximum number of attempts that are shown as dots. */
const DOTS = 6;

/** The attempts of a delivery as dots: failed, successful or waiting. */
function Dots({ delivery: { attempts, state, status } }: { delivery: Delivery }) {
  const waits = state === "waiting" || state === "sending";
  const shown = Math.min(attempts, DOTS);
  const label = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}${status ? `, ${status}` : ""}`;
  return (
    <span role="img" aria-label={label} title={label} className="inline-flex items-center gap-1.5 align-middle">
      {attempts > DOTS && <span className="text-small text-ink-2">{attempts - DOTS}+</span>}
      {Array.from({ length: shown }, (_, place) => {
        const isLast = place === shown - 1;
        const color =
          isLast && state === "delivered" ? "bg-valid" : isLast && state === "sending" ? "bg-ink-3" : "bg-invalid";
        return <span key={place} className={`size-2 rounded-full ${color}`} />;
      })}
      {waits && <span className="size-2 rounded-full border border-warning" />}
      {attempts === 0 && !waits && <span className="size-2 rounded-full border border-ink-3" />}
    </span>
  );
}

const created = (now: number): Column<Delivery> => ({
  header: "Created",
  headerClass: "w-20 pr-3 text-right font-medium",
  className: "pr-3 text-right font-mono text-data text-ink-2",
  cell: ({ created_at }) => (
    <time dateTime={created_at} title={`${moment(created_at)}, ${age(created_at, now)}`}>
      {clock(created_at)}
    </time>
  ),
});
