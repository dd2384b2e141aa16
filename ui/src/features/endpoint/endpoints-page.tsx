import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronRight, Plus, Send } from "lucide-react";
import { useState } from "react";

import { firstKeys, useCommands } from "../../app/commands";
import { useEndpoints, useProviders } from "../../api/queries";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { visible } from "../../ui/format";
import { Empty, Page } from "../../ui/page";
import { EndpointDialog } from "./endpoint-form";
import { EndpointPage } from "./endpoint-page";

/** The list of endpoints, or one endpoint. */
export function EndpointsPage({ id, delivery }: { id: string | undefined; delivery: string | undefined }) {
  const endpoints = useEndpoints().data?.items;
  const [making, setMaking] = useState(false);
  const navigate = useNavigate();
  const providers = useProviders().data?.items;
  const nameOf = (provider: string): string => providers?.find((one) => one.id === provider)?.name ?? provider;
  useCommands({ "new-endpoint": () => setMaking(true) });
  const made = (now: string): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: now, delivery: undefined } });
  const endpoint = endpoints?.find((one) => one.id === id);
  return (
    <>
      {!endpoints ? null : id && endpoint ? (
        <EndpointPage key={id} endpoint={endpoint} delivery={delivery} />
      ) : (
        <Page
          title="Endpoints"
          wide
          subtitle="URLs to which Hookbench sends events as a vendor does: signed, retried and auto-disabled by the rules of the vendor."
          actions={
            <Button look="primary" icon={Plus} keys={firstKeys("new-endpoint")} onClick={() => setMaking(true)}>
              New endpoint
            </Button>
          }
        >
          {id && (
            <div className="mb-4">
              <Notice icon={Send} tone="plain" title="Endpoint not found">
                The endpoint was deleted. Choose another one.
              </Notice>
            </div>
          )}
          {endpoints.length === 0 ? (
            <Empty icon={Send} action={<Button onClick={() => setMaking(true)}>New endpoint</Button>}>
              Create an endpoint with the URL of your app, choose a vendor, and send events with realistic payloads.
              Every attempt is stored with its request, response and duration.
            </Empty>
          ) : (
            <ul className="rounded-[9px] border border-line bg-pane" data-testid="endpoints">
              {endpoints.map((one) => (
                <li key={one.id} className="border-b border-line last:border-0">
                  <Link
                    to="/endpoints/{-$endpoint}/{-$delivery}"
                    params={{ endpoint: one.id, delivery: undefined }}
                    className="flex items-center gap-3 px-4 py-2.5 hover:bg-hover"
                  >
                    <span
                      aria-hidden
                      className={`size-2 shrink-0 rounded-full ${one.state.enabled ? "bg-valid" : "bg-invalid"}`}
                    />
                    <span className="min-w-0 flex-1">
                      <span className="block truncate font-medium">{visible(one.name || one.url)}</span>
                      {one.name && (
                        <span className="block truncate font-mono text-data text-ink-2">{visible(one.url)}</span>
                      )}
                    </span>
                    <span className="text-ink-2">{nameOf(one.provider)}</span>
                    <span className={`text-small font-medium ${one.state.enabled ? "text-valid" : "text-invalid"}`}>
                      {one.paused ? "paused" : one.state.enabled ? "enabled" : "disabled"}
                    </span>
                    <ChevronRight size={16} aria-hidden className="text-ink-3" />
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </Page>
      )}
      <EndpointDialog open={making} onClose={() => setMaking(false)} onMade={made} />
    </>
  );
}
