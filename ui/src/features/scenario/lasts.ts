/** Formats a duration in minutes and seconds. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60 ? ` ${seconds % 60} s` : "";
  return `${Math.floor(seconds / 60)} min${rest}`;
}
