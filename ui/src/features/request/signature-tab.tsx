import { useQuery } from "@tanstack/react-query";
import { Copy, KeyRound, Repeat, ShieldQuestion, SlidersHorizontal } from "lucide-react";
import { useState } from "react";

import { api, type Detail, type Explanation } from "../../api/client";
import { firstKeys, perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { CallError } from "../../platform";
import { copyText } from "../../ui/transfer";
import { ExplanationView, CustomScheme, SecretDialog, Snippets, Subscription } from "../signature";
import { signatureQuery } from "./outcome";

/** Header of a test event that Hookbench sends to an inbox without a provider. */
const TEST_EVENT = "hookbench-test-event";

function Unverified({
  detail,
  error,
  onSetUp,
  onDescribe,
}: {
  detail: Detail;
  error: unknown;
  onSetUp: () => void;
  onDescribe: () => void;
}) {
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
          <Button onClick={onSetUp}>Set up verification</Button>
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

/** Returns the explanation as Markdown. The secret is masked. */
function reportOf(data: Explanation, { id, arrived_at }: Detail): string {
  const lines = [
    `**Signature ${data.status}.** ${data.sentence} ${data.advice}`.trim(),
    "",
    `- Request: \`${id}\`, received ${arrived_at}`,
    ...(data.found != null ? [`- Received: \`${data.found}\``] : []),
    ...(data.expected != null ? [`- Computed: \`${data.expected}\``] : []),
    ...(data.fixed != null ? [`- With the fix: \`${data.fixed}\``] : []),
    `- Scheme: ${data.places.join(" or ")}: ${data.summary}`,
    ...(data.masked_secrets.length > 0 ? [`- Secret: \`${data.masked_secrets.join("`, `")}\``] : []),
  ];
  const marked = data.difference
    .map(({ type, text }) => (type === "same" ? text : type === "added" ? `[+${text}+]` : `[-${text}-]`))
    .join("");
  if (marked) lines.push("", "Difference from the signed payload to the received one:", "", "```", marked, "```");
  return `${lines.join("\n")}\n`;
}

/** The signature status of a request with its explanation. */
export function SignatureTab({ detail }: { detail: Detail }) {
  const [describing, setDescribing] = useState(false);
  const [editing, setEditing] = useState(false);
  const { data, error, isPending } = useQuery(signatureQuery(detail));
  const inbox = useQuery({
    queryKey: ["inbox", detail.inbox, detail.signature_status],
    queryFn: () => api.inbox(detail.inbox),
    enabled: Boolean(data),
  }).data;
  if (isPending) return <p className="p-4 text-ink-2">Verifying…</p>;
  const isTest = detail.headers.some(({ name }) => name.toLowerCase() === TEST_EVENT);
  const provider = inbox?.verification.provider ?? detail.provider;
  const hasSecret = data?.reason !== "no_secret";
  return (
    <>
      <Subscription detail={detail} />
      {data ? (
        <>
          <div className="flex flex-wrap gap-2 px-4 pt-4">
            {data.status === "expired" || data.findings.length > 0 ? (
              <Button icon={Repeat} keys={firstKeys("resign-replay")} onClick={() => perform("resign-replay")}>
                Re-sign and replay
              </Button>
            ) : (
              data.status !== "valid" && (
                <Button look={hasSecret ? "plain" : "primary"} icon={KeyRound} onClick={() => setEditing(true)}>
                  {hasSecret ? "Edit secret…" : "Add secret…"}
                </Button>
              )
            )}
            <Button icon={Copy} onClick={() => copyText(reportOf(data, detail), "report")}>
              Copy report
            </Button>
            {data.status !== "valid" && (
              <Button icon={SlidersHorizontal} onClick={() => setDescribing(true)}>
                Find signature scheme
              </Button>
            )}
          </div>
          <ExplanationView
            data={data}
            withoutSentence
            arrived={detail.arrived_at}
            secretNote={isTest ? "generated for test events" : `of ${detail.inbox}`}
            editSecret={
              !isTest && (
                <Button className="h-6!" onClick={() => setEditing(true)}>
                  Edit secret…
                </Button>
              )
            }
          />
          <div className="space-y-4 px-4 pb-4">
            {provider && <Snippets provider={provider} scheme={inbox?.verification.scheme} />}
          </div>
        </>
      ) : (
        <Unverified
          detail={detail}
          error={error}
          onSetUp={() => setEditing(true)}
          onDescribe={() => setDescribing(true)}
        />
      )}
      <SecretDialog inbox={detail.inbox} open={editing} onClose={() => setEditing(false)} />
      <CustomScheme detail={detail} open={describing} onClose={() => setDescribing(false)} />
    </>
  );
}
