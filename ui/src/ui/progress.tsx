import { Progress as BaseProgress } from "@base-ui/react/progress";

/** A progress bar. */
export function Progress({
  label,
  value,
  max,
  className = "",
}: {
  label: string;
  value: number;
  max: number;
  className?: string;
}) {
  return (
    <BaseProgress.Root aria-label={label} value={value} max={Math.max(max, 1)} className={className}>
      <BaseProgress.Track className="block h-1.5 overflow-hidden rounded-full bg-hover">
        <BaseProgress.Indicator className="block h-full rounded-full bg-accent" />
      </BaseProgress.Track>
    </BaseProgress.Root>
  );
}
