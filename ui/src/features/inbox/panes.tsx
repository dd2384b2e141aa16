import type { ReactNode } from "react";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";

import { useWide } from "./use-wide";

/** List and detail side by side, or one of them in a narrow window. */
export function Panes({ list, detail, opened }: { list: ReactNode; detail: ReactNode; opened: boolean }) {
  const layout = useDefaultLayout({ id: "inbox", storage: localStorage });
  const wide = useWide();
  // Both panes keep their place in the tree, so that a dialog survives a change of the width.
  return (
    <Group {...layout} orientation="horizontal" className="h-full">
      <Panel id="list" defaultSize="50%" minSize="320px" className={wide || !opened ? "" : "pane-hidden"}>
        {list}
      </Panel>
      <Separator
        aria-label="List width"
        className={`w-px bg-line outline-offset-0 hover:bg-accent data-[separator=active]:bg-accent ${wide ? "" : "hidden!"}`}
      />
      <Panel id="detail" minSize="320px" className={`bg-pane ${wide || opened ? "" : "pane-hidden"}`}>
        {detail}
      </Panel>
    </Group>
  );
}

/** The placeholder of the detail pane while no request is open. */
export function NothingChosen() {
  return <div className="flex h-full items-center justify-center p-8 text-ink-2">Select a request to inspect it.</div>;
}
