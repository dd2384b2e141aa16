/** A chart of bars and lines over time, drawn by uPlot. A table has the same values for screen readers. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { usePreferences } from "./preferences";

export interface ChartSeries {
  name: string;
  /** Name of a custom property with the color, such as `--accent`. */
  color: string;
  values: readonly (number | null)[];
  /** Bars are stacked in the order of the series. Lines have a second axis on the right. */
  look: "bar" | "line" | "dashed";
}

interface Props {
  label: string;
  /** Start of each interval, in seconds since the epoch. */
  times: readonly number[];
  series: readonly ChartSeries[];
  /** Formats a value of the lines. */
  lineValue: (value: number) => string;
  timeValue: (seconds: number) => string;
  height: number;
  /** Called with the place of an interval that is clicked. */
  onPick?: (place: number) => void;
}

const colorOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name);

/** Returns the tops of stacked bars: each series with the sum of those before it. */
function stacked(series: readonly ChartSeries[]): (number | null)[][] {
  const sums: number[] = [];
  return series
    .filter(({ look }) => look === "bar")
    .map(({ values }) =>
      values.map((value, place) => {
        sums[place] = (sums[place] ?? 0) + (value ?? 0);
        return value ? sums[place] : null;
      }),
    );
}

function optionsOf({ times, series, lineValue, timeValue, height, onPick }: Props, width: number): uPlot.Options {
  const ink = colorOf("--ink-3");
  const grid = { stroke: colorOf("--line"), width: 1 };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const step = times.length > 1 ? times[1]! - times[0]! : 1;
  const bars = series.filter(({ look }) => look === "bar");
  const lines = series.filter(({ look }) => look !== "bar");
  const paths = uPlot.paths.bars!({ size: [0.8, 24], align: 1 });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    padding: [8, 4, 0, 0],
    scales: {
      // A bar begins at the start of its interval, so the last one needs the room of an interval.
      x: { time: true, range: (_, first, last) => [first, last + step] },
      y: { range: (_, __, max) => [0, Math.max(1, max)] },
      ms: { range: (_, __, max) => [0, Math.max(1, max)] },
    },
    axes: [
      {
        stroke: ink,
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 24,
        values: (_, ticks) => ticks.map(timeValue),
      },
      {
        stroke: ink,
        font,
        grid,
        ticks: { show: false },
        size: 40,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000],
      },
      {
        stroke: ink,
        font,
        side: 1,
        scale: "ms",
        grid: { show: false },
        ticks: { show: false },
        size: 52,
        values: (_, ticks) => ticks.map(lineValue),
      },
    ],
    series: [
      {},
      // The tallest bars are drawn first, so that the others cover their lower part.
      ...bars.toReversed().map(({ color }) => ({ fill: colorOf(color), width: 0, paths, points: { show: false } })),
      ...lines.map(({ color, look }) => ({
        scale: "ms",
        stroke: colorOf(color),
        width: 1.25,
        dash: look === "dashed" ? [3, 3] : [],
        spanGaps: true,
        // A line with a single value has no length, so its points are shown where there is room.
        points: { size: 4, fill: colorOf(color) },
      })),
    ],
    hooks: {
      ready: [
        (plot) =>
          plot.over.addEventListener("click", () => {
            if (plot.cursor.idx != null) onPick?.(plot.cursor.idx);
          }),
      ],
    },
  };
}

const dataOf = ({ times, series }: Props): uPlot.AlignedData =>
  [
    [...times],
    ...stacked(series).toReversed(),
    ...series.filter(({ look }) => look !== "bar").map(({ values }) => [...values]),
  ] as uPlot.AlignedData;

export function Chart(props: Props) {
  const { label, times, series, timeValue } = props;
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });
  // The subscription renders the chart again when the theme changes, and the zoom changes the pixels of the screen.
  const { theme, zoom } = usePreferences();
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    const plot = new uPlot(optionsOf(latest.current, current.clientWidth), dataOf(latest.current), current);
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: current.clientWidth, height: latest.current.height }),
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
    // A new series, theme or zoom needs a new plot.
  }, [times, series, theme, zoom]);
  return (
    <figure aria-label={label} className="m-0">
      <div ref={host} aria-hidden className="w-full overflow-hidden" />
      <table className="sr-only">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th>Time</th>
            {series.map(({ name }) => (
              <th key={name}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((time, place) =>
            series.some(({ values }) => values[place]) ? (
              <tr key={time}>
                <th scope="row">{timeValue(time)}</th>
                {series.map(({ name, values }) => (
                  <td key={name}>{values[place] ?? 0}</td>
                ))}
              </tr>
            ) : null,
          )}
        </tbody>
      </table>
    </figure>
  );
}
