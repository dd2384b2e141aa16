import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";

import { api, type Traffic, type TrafficCounts } from "../../api/client";
import { keys } from "../../api/keys";
import { useCommands } from "../../app/commands";
import { count, hourAndMinute } from "../../ui/format";
import { useNow } from "../../ui/now";
import { prefer, usePreferences } from "../../ui/preferences";
import { minutesOf, rangeOf, rangeOfMinutes, withoutTime, withTime } from "./time-term";

/** Interval at which the strip moves on without new requests, in ms. */
const MOVE_MS = 15_000;
const HEIGHT = 40;
const MINUTE = 60_000;
/** Minutes between two labels. */
const LABEL = 15;

const allOf = ({ valid, invalid, unverified }: TrafficCounts): number => valid + invalid + unverified;

interface Props {
  inbox: string | undefined;
  query: string;
  onQuery: (query: string) => void;
}

/** The requests per minute of the last hour. A range of minutes can be chosen, which adds a time range to the query. */
export function TrafficStrip({ inbox, query, onQuery }: Props) {
  const { strip } = usePreferences();
  useCommands({ strip: () => prefer({ strip: !strip }) });
  if (!strip) return null;
  return <Strip inbox={inbox} query={query} onQuery={onQuery} />;
}

function Strip({ inbox, query, onQuery }: Props) {
  const q = withoutTime(query);
  const now = useNow(MOVE_MS);
  const { data } = useQuery({
    queryKey: [...keys.traffic, inbox, q],
    queryFn: () => api.traffic({ inbox, q: q || undefined }),
    refetchInterval: MOVE_MS,
    placeholderData: (before) => before,
    gcTime: 5_000,
  });
  if (!data) return <div className="traffic h-[84px] shrink-0 border-b border-line" />;
  const first = Date.parse(data.from);
  const range = rangeOf(query, now);
  const chosen = range && minutesOf(range, first, data.minutes.length);
  const choose = (a: number, b: number): void => onQuery(withTime(query, rangeOfMinutes(first, a, b)));
  const clear = (): void => onQuery(q);
  return (
    <section aria-label="Traffic" className="traffic shrink-0 border-b border-line px-3 pt-2 pb-1">
      <Legend data={data} hasQuery={q !== ""} chosen={chosen} onClear={range && clear} />
      {data.minutes.every((minute) => allOf(minute) === 0) ? (
        <p className="flex h-[52px] items-center justify-center border-t border-line text-small text-ink-2">
          No requests in the last 60 minutes
        </p>
      ) : (
        <Bars data={data} hasQuery={q !== ""} chosen={chosen} onChoose={choose} onClear={range && clear} />
      )}
    </section>
  );
}

type Chosen = [number, number] | undefined;

const sum = (minutes: readonly TrafficCounts[], of: (minute: TrafficCounts) => number): number =>
  minutes.reduce((all, minute) => all + of(minute), 0);

function Legend({
  data: { minutes, from, complete },
  hasQuery,
  chosen,
  onClear,
}: {
  data: Traffic;
  hasQuery: boolean;
  chosen: Chosen;
  onClear: (() => void) | undefined;
}) {
  const first = Date.parse(from);
  const names = hasQuery
    ? ([
        ["bg-accent", "matching", sum(minutes, ({ matching }) => matching)],
        ["bg-ink-3/40", "other", sum(minutes, (minute) => allOf(minute) - minute.matching)],
      ] as const)
    : ([
        ["bg-phase-first", "valid", sum(minutes, ({ valid }) => valid)],
        ["bg-invalid", "invalid", sum(minutes, ({ invalid }) => invalid)],
        ["bg-ink-3/50", "unverified", sum(minutes, ({ unverified }) => unverified)],
      ] as const);
  const inRange = chosen && minutes.slice(chosen[0], chosen[1] + 1);
  return (
    <p className="mb-1 flex h-4 items-center gap-3 overflow-hidden text-small whitespace-nowrap text-ink-2">
      <strong className="font-semibold text-ink">Last 60 minutes</strong>
      {names.map(([color, name, number]) => (
        <span key={name} className="flex items-center gap-1.5">
          <span aria-hidden className={`size-2 rounded-[2px] ${color}`} /> {name} {count(number)}
          {name === "matching" && !complete && "+"}
        </span>
      ))}
      {inRange && (
        <span className="ml-auto font-medium text-ink">
          {hourAndMinute(first + chosen[0] * MINUTE)} – {hourAndMinute(first + (chosen[1] + 1) * MINUTE)} ·{" "}
          {count(sum(inRange, hasQuery ? ({ matching }) => matching : allOf))}
        </span>
      )}
      {onClear && (
        <button type="button" className={`font-medium text-accent ${inRange ? "" : "ml-auto"}`} onClick={onClear}>
          Clear
        </button>
      )}
    </p>
  );
}

/** Describes the traffic for a screen reader. */
function spoken({ minutes }: Traffic): string {
  const busiest = Math.max(...minutes.map(allOf));
  return `${count(sum(minutes, allOf))} requests in the last 60 minutes, at most ${count(busiest)} in a minute. Arrow keys choose a minute, Shift and an arrow key extend the range, Escape clears it.`;
}

function Bars({
  data,
  hasQuery,
  chosen,
  onChoose,
  onClear,
}: {
  data: Traffic;
  hasQuery: boolean;
  chosen: Chosen;
  onChoose: (a: number, b: number) => void;
  onClear: (() => void) | undefined;
}) {
  const { minutes, from } = data;
  const box = useRef<SVGSVGElement>(null);
  /** The range being dragged. */
  const [dragged, setDragged] = useState<[number, number]>();
  const shown = dragged ?? chosen;
  const [low, high] = shown ? [Math.min(...shown), Math.max(...shown)] : [-1, -1];
  const top = Math.max(1, ...minutes.map(allOf));
  const minuteAt = ({ clientX }: PointerEvent): number => {
    const { left, width } = box.current!.getBoundingClientRect();
    return Math.min(minutes.length - 1, Math.max(0, Math.floor(((clientX - left) / width) * minutes.length)));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape" && onClear) onClear();
    else if (step === undefined) return;
    else {
      const last = minutes.length - 1;
      const [a, b] = chosen ?? [last, last];
      const moved = (place: number): number => Math.min(last, Math.max(0, place + (chosen ? step : 0)));
      if (event.shiftKey) onChoose(step < 0 ? moved(a) : a, step > 0 ? moved(b) : b);
      else onChoose(moved(step < 0 ? a : b), moved(step < 0 ? a : b));
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <svg
        ref={box}
        role="slider"
        tabIndex={0}
        aria-label="Requests per minute"
        aria-valuemin={0}
        aria-valuemax={minutes.length - 1}
        aria-valuenow={chosen?.[1] ?? minutes.length - 1}
        aria-valuetext={spoken(data)}
        viewBox={`0 0 ${minutes.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="block h-10 w-full cursor-crosshair touch-none"
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const at = minuteAt(event);
          setDragged([at, at]);
        }}
        onPointerMove={(event) => dragged && setDragged([dragged[0], minuteAt(event)])}
        onPointerUp={() => {
          if (dragged) onChoose(...dragged);
          setDragged(undefined);
        }}
        onPointerCancel={() => setDragged(undefined)}
      >
        <line x1="0" x2={minutes.length} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="stroke-line" />
        {shown && <rect x={low} width={high - low + 1} height={HEIGHT} className="fill-selection" />}
        {minutes.map((minute, place) => (
          <Bar
            key={place}
            minute={minute}
            place={place}
            scale={HEIGHT / top}
            hasQuery={hasQuery}
            isFaint={shown !== undefined && (place < low || place > high)}
          />
        ))}
      </svg>
      <p aria-hidden className="flex h-4 justify-between text-[11px] leading-4 text-ink-3">
        {Array.from({ length: minutes.length / LABEL }, (_, place) => (
          <span key={place} className="w-0 grow">
            {hourAndMinute(Date.parse(from) + place * LABEL * MINUTE)}
          </span>
        ))}
        <span>now</span>
      </p>
    </>
  );
}

function Bar({
  minute,
  place,
  scale,
  hasQuery,
  isFaint,
}: {
  minute: TrafficCounts;
  place: number;
  scale: number;
  hasQuery: boolean;
  isFaint: boolean;
}) {
  const parts = hasQuery
    ? ([
        [minute.matching, "fill-accent"],
        [allOf(minute) - minute.matching, "fill-ink-3/40"],
      ] as const)
    : ([
        [minute.valid, "fill-phase-first"],
        [minute.unverified, "fill-ink-3/50"],
        [minute.invalid, "fill-invalid"],
      ] as const);
  let y = HEIGHT;
  return (
    <g className={isFaint ? "opacity-45" : ""}>
      {parts.map(([number, color]) => {
        if (number === 0) return null;
        const height = Math.max(1.5, number * scale);
        y -= height;
        return <rect key={color} x={place + 0.1} y={y} width={0.8} height={height} className={color} />;
      })}
    </g>
  );
}
