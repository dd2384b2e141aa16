import { Tooltip } from "@base-ui/react/tooltip";
import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";

import { ImportDialog } from "../features/import-export";
import { Help } from "./help";
import { hideWebMenu } from "./context-menu";
import { listenForKeys, useCommands } from "./commands";
import { showMenuBar } from "./menu-bar";
import { Palette } from "./palette";
import { focusPane } from "./panes";
import { refetch } from "../api/refetch";
import { useInboxes, useStatus } from "../api/queries";
import { NewInbox } from "../features/inbox";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import { Confirm } from "../ui/confirm";
import { tell, Toasts, undoLast } from "../ui/toasts";
import { CallError, platform } from "../platform";
import { prefer, preferences, zoom } from "../ui/preferences";
import { Alarms } from "./alarms";
import { CloseDialog } from "./close-dialog";
import { Sidebar } from "./sidebar";
import { StatusBar } from "./status-bar";
import { useViewFocus } from "./view-focus";

type Open = "palette" | "help" | "new-inbox" | "import" | null;
const THEMES = ["system", "light", "dark"] as const;

/** Stores the current address for the next start. */
function useKeptPlace(): void {
  const place = useRouterState({ select: (state) => state.location.href });
  useEffect(() => {
    if (place !== "/") prefer({ place });
  }, [place]);
}

export function App() {
  const [open, setOpen] = useState<Open>(null);
  const navigate = useNavigate();
  const status = useStatus();
  const inboxes = useInboxes();
  useKeptPlace();
  useViewFocus();
  useEffect(listenForKeys, []);
  useEffect(hideWebMenu, []);
  useEffect(showMenuBar, []);
  useEffect(() => platform.onShow?.((view) => void navigate({ to: view })), [navigate]);
  useCommands({
    palette: () => setOpen("palette"),
    help: () => setOpen("help"),
    "new-inbox": () => setOpen("new-inbox"),
    import: () => setOpen("import"),
    "go-inbox": () => {
      const first = inboxes.data?.items[0];
      if (first) void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: first.name, request: undefined } });
    },
    "go-nth-inbox": (keys = "Mod+1") => {
      const one = inboxes.data?.items[Number(keys.at(-1)) - 1];
      if (one) void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: one.name, request: undefined } });
    },
    "next-pane": () => focusPane(1),
    "previous-pane": () => focusPane(-1),
    undo: () => void (undoLast() || tell("Nothing to undo")),
    "new-request": () => void navigate({ to: "/compose", search: {} }),
    "go-requests": () => void navigate({ to: "/requests/{-$request}", params: { request: undefined } }),
    "go-refused": () => void navigate({ to: "/refused" }),
    "go-endpoints": () =>
      void navigate({
        to: "/endpoints/{-$endpoint}/{-$delivery}",
        params: { endpoint: undefined, delivery: undefined },
      }),
    "go-deliveries": () => void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: undefined } }),
    "go-replays": () => void navigate({ to: "/replays/{-$replay}", params: { replay: undefined } }),
    "go-tunnels": () => void navigate({ to: "/tunnels" }),
    "go-checks": () => void navigate({ to: "/checks/{-$check}", params: { check: undefined } }),
    "go-scenarios": () =>
      void navigate({ to: "/scenarios/{-$run}/{-$delivery}", params: { run: undefined, delivery: undefined } }),
    "go-schemas": () => void navigate({ to: "/schemas/{-$inbox}", params: { inbox: undefined } }),
    "go-debugger": () => void navigate({ to: "/debugger" }),
    "go-settings": () => void navigate({ to: "/settings" }),
    "zoom-in": () => zoom(1),
    "zoom-out": () => zoom(-1),
    "zoom-reset": () => zoom(0),
    theme: () => prefer({ theme: THEMES[(THEMES.indexOf(preferences().theme) + 1) % THEMES.length] }),
    density: () => prefer({ density: preferences().density === "cosy" ? "compact" : "cosy" }),
  });

  const { error } = status;
  const lost = error instanceof CallError && ["token_needed", "no_engine", "engine_lost"].includes(error.code);
  // A single failed call does not replace the page.
  if (error && (lost || !status.data)) {
    return (
      <main className="mx-auto max-w-xl p-10">
        <Notice icon={TriangleAlert} tone="invalid" title={error.message}>
          {error instanceof CallError && <p className="mb-3">{error.hint}</p>}
          <Button onClick={() => void refetch()}>Try again</Button>
        </Notice>
        <CloseDialog />
      </main>
    );
  }
  return (
    <Tooltip.Provider delay={500}>
      <Toasts>
        <Confirm />
        <div className="@container/app flex h-full flex-col">
          <Alarms />
          <div className="flex min-h-0 flex-1">
            <Sidebar />
            <main className="min-w-0 flex-1">
              <Outlet />
            </main>
          </div>
          <StatusBar />
        </div>
        <Palette open={open === "palette"} onClose={() => setOpen(null)} />
        <Help open={open === "help"} onClose={() => setOpen(null)} />
        <NewInbox open={open === "new-inbox"} onClose={() => setOpen(null)} />
        <ImportDialog open={open === "import"} onOpen={() => setOpen("import")} onClose={() => setOpen(null)} />
        <CloseDialog />
      </Toasts>
    </Tooltip.Provider>
  );
}
