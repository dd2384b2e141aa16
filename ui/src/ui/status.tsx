/** The response status of a request. 0 means unknown, as for some imported requests. */
export function Status({ status, className = "" }: { status: number; className?: string }) {
  const color =
    status === 0 ? "text-ink-2" : status < 400 ? "text-valid" : status < 500 ? "text-warning" : "text-invalid";
  return <strong className={`font-semibold ${color} ${className}`}>{status || "—"}</strong>;
}
