import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronRight, Plus, Send } from "lucide-react";
import { useState } from "react";

import { firstKeys, useCommands } from "../../app/commands";
import { useEndpoints } from "../../api/queries";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { visible } from "../../ui/format";
import { EndpointDialog } from "./endpoint-form";
import { EndpointPage } from "./endpoint-page";

/** All endpoints, or one of them. */
export function EndpointsPage({ id, delivery }: { id: string | undefined; delivery: string | undefined }) {
  const endpoints = useEndpoints().data?.items;
  const [making, setMaking] = useState(false);
  const navigate = useNavigate();
  useCommands({ "new-endpoint": () => setMaking(true) });
  const made = (now: string): void =>
    void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: now, delivery: undefined } });
  const endpoint = endpoints?.find((one) => one.id === id);
  return (
    <>
      {!endpoints ? null : id && endpoint ? (
        <EndpointPage key={id} endpoint={endpoint} delivery={delivery} />
      ) : (
        <div className="h-full overflow-auto p-6">
          <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
            <div>
              <h1 className="text-title font-semibold tracking-tight">Endpoints</h1>
              <p className="text-ink-2">
                Addresses Hookbench sends to exactly as a vendor does: signed, with its retries, and switched off when
                it would.
              </p>
            </div>
            <Button look="primary" icon={Plus} keys={firstKeys("new-endpoint")} onClick={() => setMaking(true)}>
              New endpoint
            </Button>
          </div>
          {id && (
            <div className="mb-4">
              <Notice icon={Send} tone="plain" title="This endpoint is not there">
                It was removed. Choose another.
              </Notice>
            </div>
          )}
          {endpoints.length === 0 ? (
            <Notice icon={Send} tone="plain" title="Be the vendor">
              Make an endpoint with your own application's address, choose who Hookbench is, and send it events with
              realistic payloads. Every attempt is kept, with what was sent, what came back and what it took.
            </Notice>
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
                      <span className="block truncate font-mono text-data text-ink-2">{visible(one.url)}</span>
                    </span>
                    <span className="text-ink-2">{one.provider}</span>
                    <span className={`text-small font-medium ${one.state.enabled ? "text-valid" : "text-invalid"}`}>
                      {one.paused ? "time stopped" : one.state.enabled ? "on" : "off"}
                    </span>
                    <ChevronRight size={16} aria-hidden className="text-ink-3" />
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      <EndpointDialog open={making} onClose={() => setMaking(false)} onMade={made} />
    </>
  );
}
