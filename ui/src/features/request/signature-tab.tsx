import { useQuery } from "@tanstack/react-query";
import { ShieldQuestion, SlidersHorizontal } from "lucide-react";
import { useState } from "react";

import { api, type Detail } from "../../api/client";
import { keys } from "../../api/keys";
import { perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { CallError } from "../../platform";
import { ExplanationView, CustomScheme, Snippets, Subscription } from "../signature";

function Unverified({ detail, error, onDescribe }: { detail: Detail; error: unknown; onDescribe: () => void }) {
  return (
    <div className="p-4">
      <Notice
        icon={ShieldQuestion}
        tone="plain"
        title={
          detail.provider
            ? `This looks like ${detail.provider}. It is not verified yet.`
            : "Nothing says who signs here."
        }
      >
        <p className="mb-3">
          {error instanceof CallError && error.code !== "no_provider"
            ? `${error.message} ${error.hint}`
            : "Choose the provider and enter its secret in the inbox's settings; stored requests are judged too."}
        </p>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => perform("inbox-settings")}>Set up verification</Button>
          <Button icon={SlidersHorizontal} onClick={onDescribe}>
            Find or describe the scheme
          </Button>
        </div>
      </Notice>
      {detail.provider && (
        <div className="mt-4">
          <Snippets provider={detail.provider} />
        </div>
      )}
    </div>
  );
}

/** The verdict on a request, explained. */
export function SignatureTab({ detail }: { detail: Detail }) {
  const [describing, setDescribing] = useState(false);
  // A new signature status has another explanation.
  const { data, error, isPending } = useQuery({
    queryKey: [...keys.signature(detail.id), detail.verdict, detail.reason],
    queryFn: () => api.signature(detail.id),
    gcTime: 5_000,
  });
  const inbox = useQuery({
    queryKey: ["inbox", detail.inbox, detail.verdict],
    queryFn: () => api.inbox(detail.inbox),
    enabled: Boolean(data),
  }).data;
  if (isPending) return <p className="p-4 text-ink-2">Looking for the reason…</p>;
  return (
    <>
      <Subscription detail={detail} />
      {data ? (
        <>
          <ExplanationView data={data} arrived={detail.arrived_at} />
          <div className="space-y-4 px-4 pb-4">
            {inbox?.verification.provider && (
              <Snippets provider={inbox.verification.provider} scheme={inbox.verification.scheme} />
            )}
            {data.state !== "valid" && (
              <Button icon={SlidersHorizontal} onClick={() => setDescribing(true)}>
                Find or describe the scheme
              </Button>
            )}
          </div>
        </>
      ) : (
        <Unverified detail={detail} error={error} onDescribe={() => setDescribing(true)} />
      )}
      <CustomScheme detail={detail} open={describing} onClose={() => setDescribing(false)} />
    </>
  );
}
