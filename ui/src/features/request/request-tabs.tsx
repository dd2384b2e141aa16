import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";

import type { Detail } from "../../api/client";
import { useCommands, type CommandId } from "../../app/commands";
import { BodyTab } from "./body/body-tab";
import { HeadersTab } from "./headers-tab";
import { useDeliveries, worstOf } from "./outcome";
import { parametersOf, QueryTab } from "./query-tab";
import { RawTab } from "./raw-tab";
import { ResponseTab } from "./response-tab";
import { SignatureTab } from "./signature-tab";
import { TimelineTab } from "./timeline-tab";

const TABS = ["body", "headers", "query", "signature", "response", "timeline", "raw"] as const;
type Tab = (typeof TABS)[number];

const NAMES: Record<Tab, string> = {
  body: "Body",
  headers: "Headers",
  query: "Query",
  signature: "Signature",
  response: "Response",
  timeline: "Timeline",
  raw: "Raw",
};

/** The tab opened last. It stays open for the next request. */
let lastTab: Tab = "body";

const remember = (tab: Tab): void => {
  lastTab = tab;
};

/** Returns the number of items of a tab, if it is useful. */
const amountOf = (tab: Tab, { headers, earlier }: Detail): number | null =>
  tab === "headers" ? headers.length : tab === "timeline" && earlier > 0 ? earlier + 1 : null;

/** Returns the tab to open first. A request without a body shows its query string instead. */
function firstTab(detail: Detail): Tab {
  const hasQuery = parametersOf(detail).length > 0;
  if (lastTab === "body" && detail.body_bytes === 0 && hasQuery) return "query";
  return lastTab === "query" && !hasQuery ? "body" : lastTab;
}

const PANEL = "min-h-0 flex-1";
const SCROLLED = `${PANEL} overflow-auto`;

export function RequestTabs({ detail }: { detail: Detail }) {
  const [tab, setTab] = useState(() => firstTab(detail));
  const worst = worstOf(useDeliveries(detail.id) ?? []);
  const fails = worst !== undefined && (worst.status ?? (worst.error ? 599 : 0)) >= 400;
  const hasQuery = parametersOf(detail).length > 0;
  const shown = TABS.filter((one) => one !== "query" || hasQuery);
  const choose = (now: Tab): void => {
    remember(now);
    setTab(now);
  };
  const step = (by: 1 | -1): void => choose(shown[(shown.indexOf(tab) + by + shown.length) % shown.length]!);
  useCommands({
    ...(Object.fromEntries(shown.map((one) => [`tab-${one}`, () => choose(one)])) as Partial<
      Record<CommandId, () => void>
    >),
    "tab-next": () => step(1),
    "tab-previous": () => step(-1),
  });
  const { id } = detail;
  return (
    <Tabs.Root value={tab} onValueChange={(now) => choose(now as Tab)} className="flex min-h-0 flex-1 flex-col">
      <Tabs.List className="mt-1 flex gap-5 overflow-x-auto border-b border-line px-4 [scrollbar-width:none]">
        {shown.map((value) => (
          <Tabs.Tab
            key={value}
            value={value}
            className="flex shrink-0 items-center gap-1.5 border-b-2 border-transparent py-1.5 font-medium text-ink-2 data-active:border-accent data-active:text-ink"
          >
            {NAMES[value]}
            {amountOf(value, detail) !== null && (
              <span className="text-small font-normal text-ink-3">{amountOf(value, detail)}</span>
            )}
            {value === "response" && fails && (
              <span role="img" aria-label="failed" className="size-1.5 rounded-full bg-invalid" />
            )}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="body" className={PANEL}>
        <BodyTab key={id} detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="headers" className={SCROLLED}>
        <HeadersTab key={id} detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="query" className={SCROLLED}>
        <QueryTab detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="signature" className={SCROLLED}>
        <SignatureTab key={id} detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="response" className={SCROLLED}>
        <ResponseTab detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="timeline" className={SCROLLED}>
        <TimelineTab detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="raw" className={PANEL}>
        <RawTab key={id} detail={detail} />
      </Tabs.Panel>
    </Tabs.Root>
  );
}
