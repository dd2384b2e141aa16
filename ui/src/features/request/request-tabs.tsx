import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";

import type { Detail } from "../../api/client";
import { BodyTab } from "./body/body-tab";
import { HeadersTab } from "./headers-tab";
import { RawTab } from "./raw-tab";
import { ResponseTab } from "./response-tab";
import { SignatureTab } from "./signature-tab";
import { TimelineTab } from "./timeline-tab";

/** The tab opened last. It stays open for the next request. */
let lastTab = "body";

/** Returns the tabs of a request, with the number of items if it is useful. */
const tabsOf = ({ headers, earlier }: Detail) =>
  [
    ["body", "Body", null],
    ["headers", "Headers", headers.length],
    ["signature", "Signature", null],
    ["response", "Response", null],
    ["timeline", "Timeline", earlier > 0 ? earlier + 1 : null],
    ["raw", "Raw", null],
  ] as const;

const PANEL = "min-h-0 flex-1";

export function RequestTabs({ detail }: { detail: Detail }) {
  const [tab, setTab] = useState(lastTab);
  const { id } = detail;
  return (
    <Tabs.Root
      value={tab}
      onValueChange={(now) => setTab((lastTab = String(now)))}
      className="flex min-h-0 flex-1 flex-col"
    >
      <Tabs.List className="flex gap-5 border-b border-line px-4">
        {tabsOf(detail).map(([value, name, number]) => (
          <Tabs.Tab
            key={value}
            value={value}
            className="border-b-2 border-transparent py-1.5 font-medium text-ink-2 data-active:border-accent data-active:text-ink"
          >
            {name} {number !== null && <span className="text-small text-ink-3">{number}</span>}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="body" className={PANEL}>
        <BodyTab key={id} detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="headers" className={`${PANEL} overflow-auto`}>
        <HeadersTab key={id} detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="signature" className={`${PANEL} overflow-auto`}>
        <SignatureTab key={id} detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="response" className={`${PANEL} overflow-auto`}>
        <ResponseTab detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="timeline" className={`${PANEL} overflow-auto`}>
        <TimelineTab detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="raw" className={PANEL}>
        <RawTab key={id} detail={detail} />
      </Tabs.Panel>
    </Tabs.Root>
  );
}
