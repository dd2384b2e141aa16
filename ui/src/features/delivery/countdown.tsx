import { useNow } from "../../ui/now";

/** Counts down to an instant. */
export function Countdown({ at }: { at: string }) {
  const now = useNow(500);
  const left = Math.max(0, Math.ceil((Date.parse(at) - now) / 1000));
  const parts = [
    [Math.floor(left / 3600), "h"],
    [Math.floor((left % 3600) / 60), "m"],
    [left % 60, "s"],
  ] as const;
  const shown = parts.filter(([number], place) => number > 0 || (place === 2 && left < 60));
  return <>{left === 0 ? "now" : `in ${shown.map(([number, unit]) => `${number} ${unit}`).join(" ")}`}</>;
}
