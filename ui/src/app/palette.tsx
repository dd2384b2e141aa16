import { Dialog } from "@base-ui/react/dialog";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { api, type Summary } from "../api/client";
import { useEndpoints, useInboxes } from "../api/queries";
import { Keys } from "../ui/controls";
import { visible } from "../ui/format";
import { available, COMMANDS, keysText, perform } from "./commands";

interface Entry {
  id: string;
  title: string;
  note: string;
  keys?: string;
  run: () => void;
}

/** Entries that are listed at once; every command and setting is among them before anything is typed. */
const SHOWN = 100;

const SETTINGS = [
  "Receiver address",
  "Limits",
  "Retention",
  "Appearance",
  "Closing the window",
  "Data folder",
  "Backup",
];

/** Whether all words of the needle stand in the text. */
const matches = (text: string, needle: string): boolean =>
  needle
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word));

export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [needle, setNeedle] = useState("");
  const [at, setAt] = useState(0);
  const [recent, setRecent] = useState<Summary[]>([]);
  const inboxes = useInboxes().data?.items;
  const endpoints = useEndpoints().data?.items;
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);
  const chosen = useRef<Entry>(undefined);

  useEffect(() => {
    if (!open) return;
    setNeedle("");
    setAt(0);
    api.requests({ limit: 50 }).then(
      ({ items }) => setRecent(items),
      () => setRecent([]),
    );
  }, [open]);

  const entries: Entry[] = [
    ...COMMANDS.filter(({ id }) => id !== "palette" && available(id)).map(({ id, title, group, keys }) => ({
      id,
      title,
      note: group,
      keys: keysText(keys[0]),
      run: () => void perform(id),
    })),
    ...(inboxes ?? []).map(({ name }) => ({
      id: `inbox-${name}`,
      title: name,
      note: "Inbox",
      run: () => void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: name, request: undefined } }),
    })),
    ...(endpoints ?? []).map(({ id, name, url, provider }) => ({
      id: `endpoint-${id}`,
      title: visible(name || url),
      note: `Endpoint of ${provider}`,
      run: () =>
        void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: id, delivery: undefined } }),
    })),
    ...SETTINGS.map((title) => ({
      id: `setting-${title}`,
      title,
      note: "Setting",
      run: () => void navigate({ to: "/settings", hash: title.toLowerCase().replaceAll(" ", "-") }),
    })),
    ...recent.map((request) => ({
      id: request.id,
      title: visible(`${request.method} ${request.target}`),
      note: `Request in ${request.inbox}`,
      run: () =>
        void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: request.inbox, request: request.id } }),
    })),
  ];
  const shown = entries.filter((entry) => matches(`${entry.title} ${entry.note}`, needle)).slice(0, SHOWN);
  const current = shown[Math.min(at, shown.length - 1)];
  const run = (entry: Entry | undefined): void => {
    if (!entry) return;
    // The dialog gives focus back first; then what was chosen may take it.
    chosen.current = entry;
    onClose();
  };

  return (
    <Dialog.Root
      open={open}
      onOpenChange={(now) => !now && onClose()}
      onOpenChangeComplete={(now) => {
        if (!now) chosen.current?.run();
        chosen.current = undefined;
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/30" />
        <Dialog.Popup
          data-modal
          initialFocus={input}
          aria-label="Find anything"
          className="fixed top-[12vh] left-1/2 z-50 flex max-h-[60vh] w-[min(600px,92vw)] -translate-x-1/2 flex-col rounded-[9px] border border-line bg-pane"
        >
          <input
            ref={input}
            role="combobox"
            aria-expanded
            aria-controls="palette-list"
            aria-activedescendant={current && `palette-${current.id}`}
            aria-label="Command, inbox, endpoint, request or setting"
            placeholder="Command, inbox, endpoint, request or setting"
            value={needle}
            onChange={(event) => {
              setNeedle(event.target.value);
              setAt(0);
            }}
            onKeyDown={(event) => {
              const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
              if (step) setAt((Math.min(at, shown.length - 1) + step + shown.length) % Math.max(1, shown.length));
              else if (event.key === "Enter") run(current);
              else return;
              event.preventDefault();
            }}
            className="border-b border-line bg-transparent px-4 py-3 text-[15px] outline-none placeholder:text-ink-3"
          />
          <ul id="palette-list" role="listbox" aria-label="Found" className="min-h-0 overflow-auto p-1">
            {shown.map((entry) => (
              <li
                key={entry.id}
                id={`palette-${entry.id}`}
                role="option"
                aria-selected={entry === current}
                ref={(element) => {
                  if (entry === current) element?.scrollIntoView({ block: "nearest" });
                }}
                onClick={() => run(entry)}
                className={`flex items-center gap-3 rounded-md px-3 py-1.5 ${entry === current ? "bg-selection" : "hover:bg-hover"}`}
              >
                <span className="truncate">{entry.title}</span>
                <span className="ml-auto shrink-0 text-small text-ink-2">{entry.note}</span>
                {entry.keys && <Keys keys={entry.keys} />}
              </li>
            ))}
            {shown.length === 0 && <li className="px-3 py-4 text-ink-2">Nothing is called that.</li>}
          </ul>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
