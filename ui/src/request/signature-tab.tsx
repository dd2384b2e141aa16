import { useQuery } from "@tanstack/react-query";
import { ShieldQuestion } from "lucide-react";

import { api, type Detail } from "../api/client";
import { perform } from "../commands/commands";
import { Button, Notice } from "../parts/controls";
import { CallError } from "../platform";
import { Explained } from "../signature/explained";

function Unverified({ detail, error }: { detail: Detail; error: unknown }) {
  return (
    <div className="p-4">
      <Notice icon={ShieldQuestion} tone="plain" title={detail.provider ? `This looks like ${detail.provider}. It is not verified yet.` : "Nothing says who signs here."}>
        <p className="mb-3">{error instanceof CallError && error.code !== "no_provider" ? `${error.message} ${error.hint}` : "Choose the provider and enter its secret in the inbox's settings; stored requests are judged too."}</p>
        <Button onClick={() => perform("inbox-settings")}>Set up verification</Button>
      </Notice>
    </div>
  );
}

/** The verdict on a request, explained. */
export function SignatureTab({ detail }: { detail: Detail }) {
  // Judged anew, the verdict is another question.
  const { data, error, isPending } = useQuery({
    queryKey: ["signature", detail.id, detail.verdict, detail.reason],
    queryFn: () => api.signature(detail.id),
    gcTime: 5_000,
  });
  if (isPending) return <p className="p-4 text-ink-2">Looking for the reason…</p>;
  if (!data) return <Unverified detail={detail} error={error} />;
  return <Explained data={data} arrived={detail.arrived_at} />;
}
