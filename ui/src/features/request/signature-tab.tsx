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
            ? `Detected provider: ${detail.provider}. Not verified yet.`
            : "No provider is known for this request."
        }
      >
        <p className="mb-3">
          {error instanceof CallError && error.code !== "no_provider"
            ? `${error.message} ${error.hint}`
            : "Choose the provider and enter its secret in the inbox settings. Stored requests are verified as well."}
        </p>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => perform("inbox-settings")}>Set up verification</Button>
          <Button icon={SlidersHorizontal} onClick={onDescribe}>
            Find signature scheme
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

/** The signature status of a request with its explanation. */
export function SignatureTab({ detail }: { detail: Detail }) {
  const [describing, setDescribing] = useState(false);
  // A new signature status has another explanation.
  const { data, error, isPending } = useQuery({
    queryKey: [...keys.signature(detail.id), detail.signature_status, detail.reason],
    queryFn: () => api.signature(detail.id),
    gcTime: 5_000,
  });
  const inbox = useQuery({
    queryKey: ["inbox", detail.inbox, detail.signature_status],
    queryFn: () => api.inbox(detail.inbox),
    enabled: Boolean(data),
  }).data;
  if (isPending) return <p className="p-4 text-ink-2">Verifying…</p>;
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
            {data.status !== "valid" && (
              <Button icon={SlidersHorizontal} onClick={() => setDescribing(true)}>
                Find signature scheme
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
