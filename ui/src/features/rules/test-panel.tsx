import { useQuery } from "@tanstack/react-query";

import { api, type Inbox } from "../../api/client";
import { Button } from "../../ui/button";
import { clock, visible } from "../../ui/format";
import { Select } from "../../ui/select";
import { attempt } from "../../ui/toasts";
import { PreviewList } from "../request";
import { SignatureStatus } from "../signature";

/** Number of recent requests that can be tested. */
const RECENT = 30;

/** Returns the recent requests of an inbox and the response that the chosen one would get. */
export function useTest(inbox: Inbox | undefined, chosen: string | undefined) {
  const name = inbox?.name;
  const recent = useQuery({
    queryKey: ["recent", name],
    queryFn: () => api.requests({ inbox: name, limit: RECENT }),
    enabled: name !== undefined,
    staleTime: 2_000,
  }).data?.items;
  const request = chosen ?? recent?.[0]?.id;
  const preview = useQuery({
    // Each change of the rules is evaluated again.
    queryKey: ["response-preview", request, inbox?.rules, inbox?.forwards, inbox?.response],
    queryFn: () => api.responsePreview(request!),
    enabled: request !== undefined,
    gcTime: 0,
    placeholderData: (before) => before,
  }).data;
  return { recent: recent ?? [], request, preview };
}

/** The panel that evaluates the rules against a stored request. It sends nothing. */
export function TestPanel({
  inbox,
  test: { recent, request, preview },
  onChoose,
}: {
  inbox: Inbox;
  test: ReturnType<typeof useTest>;
  onChoose: (id: string) => void;
}) {
  const shown = recent.find(({ id }) => id === request);
  const options = recent.map(
    ({ id, event_type, method, arrived_at }) => [id, `${clock(arrived_at)}  ${visible(event_type ?? method)}`] as const,
  );
  return (
    <section aria-label="Test against a request" className="overflow-hidden rounded-[9px] border border-line bg-pane">
      <h2 className="border-b border-line bg-background px-3 py-2 font-semibold">Test against a request</h2>
      {request === undefined ? (
        <p className="p-3 text-ink-2">No request to test with yet. Send a test event to {inbox.name}.</p>
      ) : (
        <>
          <div className="space-y-1.5 border-b border-line p-3">
            <Select
              aria-label="Request"
              value={request}
              options={shown ? options : [[request, "The open request"] as const, ...options]}
              onChange={onChoose}
            />
            {shown && <SignatureStatus status={shown.signature_status} reason={shown.reason} />}
          </div>
          {preview && <PreviewList preview={preview} />}
          <p className="flex flex-wrap items-center gap-3 border-t border-line p-3 text-small text-ink-2">
            Testing sends nothing and changes no counter.
            <Button onClick={() => void attempt(api.beginReplay({ requests: [request] } as never))}>
              Replay to last target
            </Button>
          </p>
        </>
      )}
    </section>
  );
}
