/** Entries of the palette: commands, inboxes, endpoints, settings and the newest requests. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { api, type Summary } from "../api/client";
import { useEndpoints, useInboxes } from "../api/queries";
import { visible } from "../ui/format";
import { available, COMMANDS, keysText, perform } from "./commands";

export interface Entry {
  id: string;
  title: string;
  note: string;
  keys?: string;
  run: () => void;
}

/** Number of recent requests in the palette. Older requests are found by a search. */
const RECENT = 50;

const SETTINGS = [
  "Listener address",
  "Limits",
  "Retention",
  "Appearance",
  "Closing the window",
  "Data folder",
  "Backup",
];

/** Returns true if the text contains all words of the needle. */
const matches = (text: string, needle: string): boolean =>
  needle
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word));

const commandEntries = (): Entry[] =>
  COMMANDS.filter(({ id }) => id !== "palette" && available(id)).map(({ id, title, group, keys }) => ({
    id,
    title,
    note: group,
    keys: keysText(keys[0]),
    run: () => void perform(id),
  }));

/** Returns the newest requests, read when the palette opens. */
function useRecentRequests(open: boolean): Summary[] {
  const [recent, setRecent] = useState<Summary[]>([]);
  useEffect(() => {
    if (!open) return;
    api.requests({ limit: RECENT }).then(
      ({ items }) => setRecent(items),
      () => setRecent([]),
    );
  }, [open]);
  return recent;
}

/** Returns the matching entries, commands first. */
export function usePaletteEntries(open: boolean, needle: string): Entry[] {
  const inboxes = useInboxes().data?.items ?? [];
  const endpoints = useEndpoints().data?.items ?? [];
  const recent = useRecentRequests(open);
  const navigate = useNavigate();
  const showRequest = (inbox: string, request: string | undefined): void =>
    void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox, request } });
  const entries: Entry[] = [
    ...commandEntries(),
    ...inboxes.map(({ name }) => ({
      id: `inbox-${name}`,
      title: name,
      note: "Inbox",
      run: () => showRequest(name, undefined),
    })),
    ...endpoints.map(({ id, name, url, provider }) => ({
      id: `endpoint-${id}`,
      title: visible(name || url),
      note: `Endpoint, sends as ${provider}`,
      run: () =>
        void navigate({ to: "/endpoints/{-$endpoint}/{-$delivery}", params: { endpoint: id, delivery: undefined } }),
    })),
    ...SETTINGS.map((title) => ({
      id: `setting-${title}`,
      title,
      note: "Setting",
      run: () => void navigate({ to: "/settings", hash: title.toLowerCase().replaceAll(" ", "-") }),
    })),
    ...recent.map(({ id, inbox, method, target }) => ({
      id,
      title: visible(`${method} ${target}`),
      note: `Request in ${inbox}`,
      run: () => showRequest(inbox, id),
    })),
  ];
  return entries.filter((entry) => matches(`${entry.title} ${entry.note}`, needle));
}
