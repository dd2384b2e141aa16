import { useQuery } from "@tanstack/react-query";
import { Link2, MailCheck } from "lucide-react";

import { requestRoute, text, type Detail } from "../../api/client";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { copyText } from "../../ui/transfer";

/** Hosts that confirm subscriptions to Amazon SNS. A link to any other host may be an attack. */
const SNS = /^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/;

/**
 * The prompt to confirm a subscription to Amazon SNS, which sends no events before its link is opened. Hookbench never
 * opens captured links, so the user must.
 */
export function Subscription({ detail }: { detail: Detail }) {
  const isConfirmation = detail.provider === "aws-sns" && detail.event_type === "SubscriptionConfirmation";
  const { data: link } = useQuery({
    queryKey: ["subscribe-url", detail.id],
    queryFn: async () => {
      const body = JSON.parse(await text(requestRoute(detail.id, "body"))) as { SubscribeURL?: unknown };
      return new URL(String(body.SubscribeURL));
    },
    enabled: isConfirmation && detail.body_bytes < 256 * 1024,
    retry: false,
  });
  if (!isConfirmation || !link) return null;
  const trusted = link.protocol === "https:" && SNS.test(link.hostname);
  return (
    <div className="p-4 pb-0">
      <Notice
        icon={MailCheck}
        tone={trusted ? "plain" : "warning"}
        title={
          trusted
            ? "Confirm this Amazon SNS subscription"
            : `The link leads to ${link.hostname}, which is not a host of Amazon SNS.`
        }
      >
        {trusted && (
          <>
            <p className="mb-3">Open the link in your browser. Hookbench never opens captured links.</p>
            <Button icon={Link2} onClick={() => copyText(link.href, "link")}>
              Copy link to {link.hostname}
            </Button>
          </>
        )}
      </Notice>
    </div>
  );
}
