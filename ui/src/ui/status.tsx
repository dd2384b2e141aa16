/** What a sender was answered; an imported request's may not be known. */
export function Status({ status, className = "" }: { status: number; className?: string }) {
  const colour = status === 0 ? "text-ink-2" : status < 400 ? "text-valid" : "text-invalid";
  return <strong className={`font-semibold ${colour} ${className}`}>{status || "—"}</strong>;
}
