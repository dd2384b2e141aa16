import { useQuery } from "@tanstack/react-query";
import { Bookmark, Search, X } from "lucide-react";
import { useCallback, useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { api, type Completion, type ReadQuery } from "../../api/client";
import { firstKeys, useCommands } from "../../app/commands";
import { IconButton } from "../../ui/controls";
import { useSettled } from "../../ui/settled";
import { history, remember } from "./search-history";
import { SaveQuery } from "./save-search";

/** Wait for the next key before a query is read and run. */
const TYPED_MS = 30;
/** Pause in typing after which an error shows: half a term is not yet a mistake. */
const ERROR_MS = 700;

/** The text with each term on a ground of its own; it lies under the input, letter under letter. */
function Terms({ text, read }: { text: string; read: ReadQuery | undefined }) {
  const characters = [...text];
  const parts = [];
  let at = 0;
  for (const one of read?.terms ?? []) {
    parts.push(characters.slice(at, one.at).join(""));
    parts.push(
      <mark
        key={one.at}
        className={`rounded-[4px] text-transparent ${one.negated ? "bg-invalid/15" : one.field ? "bg-selection" : "bg-hover"}`}
      >
        {characters.slice(one.at, one.at + one.length).join("")}
      </mark>,
    );
    at = one.at + one.length;
  }
  if (read?.error) {
    const { at: from, length } = read.error;
    parts.push(characters.slice(at, from).join(""));
    parts.push(
      <mark key="error" className="bg-transparent text-transparent underline decoration-invalid decoration-wavy">
        {characters.slice(from, from + length).join("")}
      </mark>,
    );
    at = from + length;
  }
  return <>{[...parts, characters.slice(at).join("")]}</>;
}

/** The query bar: what is typed runs at once; the table of fields and what was seen complete it. */
export function QueryBar({
  query,
  onQuery,
  inbox,
  onLeave,
}: {
  query: string;
  onQuery: (query: string) => void;
  inbox: string | undefined;
  onLeave: () => void;
}) {
  const [text, setText] = useState(query);
  const [caret, setCaret] = useState<number>();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  /** Ctrl+Space asked for completions. */
  const [asked, setAsked] = useState(false);
  const [saving, setSaving] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const under = useRef<HTMLDivElement>(null);
  const id = useId();
  useCommands({
    query: () => {
      input.current?.focus();
      input.current?.select();
    },
    "save-query": () => text.trim() && setSaving(true),
  });
  /** What the address was last told. It says so a moment later, when more may have been typed. */
  const told = useRef(query);
  const latest = useRef(onQuery);
  useEffect(() => {
    latest.current = onQuery;
  });
  const tell = useCallback((now: string): void => {
    if (now === told.current) return;
    told.current = now;
    latest.current(now);
  }, []);
  // Another view of the same list, or a term added to it, changes the text.
  useEffect(() => {
    if (query === told.current) return;
    told.current = query;
    setText(query);
  }, [query]);

  const [typed, typedTo] = useSettled(
    useMemo(() => [text, open ? caret : undefined] as const, [text, open, caret]),
    TYPED_MS,
  );
  const settled = useSettled(text, ERROR_MS);
  const { data: read, isPlaceholderData } = useQuery({
    queryKey: ["read-query", typed, typedTo],
    queryFn: () => api.readQuery(typed, typedTo),
    placeholderData: (before) => before,
    gcTime: 10_000,
    staleTime: 2_000,
  });
  const isRead = typed === text && !isPlaceholderData;
  useEffect(() => {
    if (isRead && read && !read.error) tell(typed.trim());
  }, [typed, read, isRead, tell]);

  const before = [...text].slice(0, caret).join("");
  // Behind a space a new term may begin, or the query be done: what was found is not covered.
  const offered: Completion[] =
    !open || (!asked && /\S\s$/.test(before))
      ? []
      : text.trim() === ""
        ? [
            ...history().map((one) => ({ text: one, means: "asked before", at: 0, length: [...text].length })),
            ...(read?.completions ?? []),
          ]
        : (read?.completions ?? []).filter(
            (one) => before.slice(one.at).toLowerCase() !== one.text.trim().toLowerCase(),
          );
  const shown = offered.slice(0, 12);

  const accept = (one: Completion): void => {
    const characters = [...text];
    const next = [...characters.slice(0, one.at), one.text, ...characters.slice(one.at + one.length)].join("");
    const place = one.at + [...one.text].length;
    setText(next);
    setCaret(place);
    setAt(-1);
    requestAnimationFrame(() => input.current?.setSelectionRange(place, place));
  };
  /** Tab was pressed before there was anything to take: the first that comes is taken. */
  const soon = useRef(false);
  useEffect(() => {
    if (!soon.current || !isRead) return;
    soon.current = false;
    if (shown[0]) accept(shown[0]);
  });
  const follow = (): void => {
    setCaret(input.current?.selectionStart ?? undefined);
    if (under.current && input.current) under.current.scrollLeft = input.current.scrollLeft;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const actions: Record<string, () => void> = {
      ArrowDown: () => (shown.length ? setAt((at + 1) % shown.length) : onLeave()),
      ArrowUp: () => shown.length && setAt((at - 1 + shown.length) % shown.length),
      Tab: () => (isRead ? accept(shown[Math.max(0, at)]!) : (soon.current = true)),
      Enter: () => {
        if (at >= 0 && shown[at]) return accept(shown[at]);
        remember(text.trim());
        setOpen(false);
        onLeave();
      },
      Escape: () => {
        if (open && shown.length) return setOpen(false);
        if (text) return (setText(""), tell(""));
        onLeave();
      },
    };
    if (event.key === " " && event.ctrlKey) {
      setOpen(true);
      setAsked(true);
    }
    // With nothing to take, Tab goes on as everywhere.
    else if (event.key === "Tab" && (event.shiftKey || !text || (isRead && !shown.length))) return;
    else if (actions[event.key]) actions[event.key]!();
    else return;
    event.preventDefault();
  };
  const error = settled === text ? read?.error : undefined;

  return (
    <div className="relative border-b border-line px-2.5 pb-2">
      <div className="control flex items-center gap-2 rounded-[7px] border border-line bg-control pl-2.5 focus-within:border-accent">
        <Search size={14} aria-hidden className="shrink-0 text-ink-2" />
        <div className="relative min-w-0 flex-1">
          <div
            ref={under}
            aria-hidden
            className="pointer-events-none absolute inset-0 overflow-hidden font-mono text-data leading-[26px] whitespace-pre text-transparent"
          >
            <Terms text={text} read={isRead ? read : undefined} />
          </div>
          <input
            ref={input}
            role="combobox"
            aria-label="Query"
            aria-expanded={shown.length > 0}
            aria-controls={`${id}-list`}
            aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
            aria-invalid={Boolean(error)}
            aria-describedby={error ? `${id}-error` : undefined}
            spellCheck={false}
            autoComplete="off"
            placeholder={`Search, or event:chat.*  status:>=400  body.id:…   ${firstKeys("query")}`}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setOpen(true);
              setAsked(false);
              setAt(-1);
              follow();
            }}
            onSelect={follow}
            onScroll={follow}
            onFocus={() => (setOpen(true), follow())}
            onBlur={() => (setOpen(false), remember(text.trim()))}
            onKeyDown={onKeyDown}
            className="relative w-full bg-transparent font-mono text-data leading-[26px] text-ink outline-none placeholder:font-sans placeholder:text-ink-3"
          />
        </div>
        {text && (
          <>
            <IconButton
              label="Save this query"
              icon={Bookmark}
              className="h-6!"
              keys={firstKeys("save-query")}
              onClick={() => setSaving(true)}
            />
            <IconButton label="Clear the query" icon={X} className="h-6!" onClick={() => (setText(""), tell(""))} />
          </>
        )}
      </div>
      {shown.length > 0 && (
        <ul
          id={`${id}-list`}
          role="listbox"
          aria-label="Completions"
          className="absolute right-2.5 left-2.5 z-30 mt-1 max-h-[50vh] overflow-auto rounded-[7px] border border-line bg-pane p-1"
        >
          {shown.map((one, place) => (
            <li
              key={`${one.text}-${place}`}
              id={`${id}-${place}`}
              role="option"
              aria-selected={place === at}
              // The input keeps the focus.
              onMouseDown={(event) => (event.preventDefault(), accept(one))}
              className={`flex items-center gap-3 rounded-md px-2 py-1 ${place === at ? "bg-selection" : "hover:bg-hover"}`}
            >
              <span className="max-w-full shrink-0 truncate font-mono text-data">{one.text}</span>
              <span className="ml-auto min-w-0 truncate text-small text-ink-2">{one.means}</span>
            </li>
          ))}
        </ul>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="mt-1 text-small text-invalid">
          {error.message}{" "}
          {error.suggestion && (
            <button
              type="button"
              className="underline"
              onClick={() => (setText(error.suggestion!), input.current?.focus())}
            >
              Use {error.suggestion}
            </button>
          )}
        </p>
      )}
      <SaveQuery open={saving} onClose={() => setSaving(false)} query={text.trim()} inbox={inbox} />
    </div>
  );
}
