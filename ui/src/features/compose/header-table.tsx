import { Lock } from "lucide-react";

import type { ProviderFile } from "../../api/client";
import type { DraftHeader } from "./draft";

/** A header that the provider sets, as it will be sent. */
export interface VendorHeader {
  name: string;
  value: string;
  note: string;
}

interface File extends ProviderFile {
  event_type?: string[];
  event_id?: string[];
  schemes?: { id: string; scheme: Record<string, { signature?: string[]; token?: string }> }[];
}

const inHeader = (places: readonly string[] | undefined): string | undefined =>
  places
    ?.find((place) => place.startsWith("header:") && !place.includes("+"))
    ?.slice("header:".length)
    .split("|")[0];

/** Returns the headers that a provider sends with an event. */
export function vendorHeaders(file: ProviderFile | undefined, name: string, signs: boolean): VendorHeader[] {
  if (!file) return [];
  const event = file.sending?.events.find(({ type }) => type === name)?.sent_as ?? name;
  const { event_type, event_id, schemes } = file as File;
  const sending = file.sending as unknown as { headers?: Record<string, string> } | null;
  const own = Object.entries(sending?.headers ?? {}).map(([name, value]) => ({
    name,
    value: value.replace("{event}", event).replace("{delivery}", "…"),
    note: value.includes("{delivery}") ? "new each send" : "",
  }));
  const [type, id] = [inHeader(event_type), inHeader(event_id)];
  const scheme = schemes?.[0] && Object.values(schemes[0].scheme)[0];
  const signature = inHeader(scheme?.signature ?? (scheme?.token ? [scheme.token] : undefined));
  const known = (name: string): boolean => own.some((one) => one.name.toLowerCase() === name.toLowerCase());
  return [
    ...own,
    ...(type && !known(type) ? [{ name: type, value: event, note: "" }] : []),
    ...(id && !known(id) ? [{ name: id, value: "…", note: "new each send" }] : []),
    ...(signature && signs ? [{ name: signature, value: "…", note: "set on send" }] : []),
  ];
}

const CELL = "w-full bg-transparent px-1 py-1 font-mono text-data outline-none placeholder:text-ink-3";

/** The headers of a draft. The last row adds one. */
export function HeaderTable({
  headers,
  vendor,
  signature,
  onChange,
}: {
  headers: readonly DraftHeader[];
  vendor: readonly VendorHeader[];
  /** Name of the header that re-signing sets. */
  signature: string | undefined;
  onChange: (now: DraftHeader[]) => void;
}) {
  const set = (place: number, change: Partial<DraftHeader>): void =>
    onChange(
      place < headers.length
        ? headers.map((one, at) => (at === place ? { ...one, ...change } : one))
        : [...headers, { on: true, name: "", value: "", ...change }],
    );
  const rows = [...headers, { on: true, name: "", value: "" }];
  const sent = headers.filter(({ on, name }) => on && name).length + vendor.length;
  return (
    <section aria-label="Headers" className="max-h-64 shrink-0 overflow-auto rounded-[9px] border border-line bg-pane">
      <h2 className="border-b border-line bg-background px-3 py-1.5 font-semibold">
        Headers <span className="text-small font-normal text-ink-2">{sent} sent, others added by the connection</span>
      </h2>
      <ul>
        {vendor.map(({ name, value, note }) => (
          <li key={name} className="compose-grid items-center border-b border-line px-3">
            <Lock size={12} aria-label="set by the vendor" className="text-ink-3" />
            <span className="truncate px-1 py-1 font-mono text-data">{name.toLowerCase()}</span>
            <span className="truncate px-1 font-mono text-data text-ink-2">{value}</span>
            <Note text={note} />
          </li>
        ))}
        {rows.map(({ on, name, value }, place) => {
          const isSet = signature !== undefined && name.toLowerCase() === signature.toLowerCase();
          const isNew = place === headers.length;
          return (
            <li
              key={place}
              className={`compose-grid items-center border-b border-line px-3 last:border-0 ${on ? "" : "opacity-60"}`}
            >
              <input
                type="checkbox"
                aria-label={`Send header ${place + 1}`}
                className="accent-accent"
                disabled={isNew}
                checked={on && !isNew}
                onChange={(event) => set(place, { on: event.target.checked })}
              />
              <input
                aria-label={`Name of header ${place + 1}`}
                placeholder="name"
                spellCheck={false}
                className={CELL}
                value={name}
                onChange={(event) => set(place, { name: event.target.value })}
              />
              <input
                aria-label={`Value of header ${place + 1}`}
                placeholder="value"
                spellCheck={false}
                className={`${CELL} ${isSet ? "text-ink-3" : ""}`}
                disabled={isSet}
                value={isSet ? "…" : value}
                onChange={(event) => set(place, { value: event.target.value })}
              />
              {isNew ? <span /> : <Note text={isSet ? "set on send" : on ? "" : "off"} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const Note = ({ text }: { text: string }) =>
  text ? (
    <span className="justify-self-start rounded-[5px] bg-selection px-1.5 text-[11px] leading-4 text-accent">
      {text}
    </span>
  ) : (
    <span />
  );
