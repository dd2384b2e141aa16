import { Bookmark, Search, X } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";

import type { Completion, ReadQuery } from "../../api/client";
import { firstKeys, useCommands } from "../../app/commands";
import { IconButton, Keys } from "../../ui/button";
import { Combobox, ComboboxInput, ComboboxList, type ComboboxKeyEvent } from "../../ui/combobox";
import { QueryTerms } from "./query-terms";
import { SaveSearch } from "./save-search";
import { remember } from "./search-history";
import { completed, completionsAt, useQueryText, useReadQuery } from "./use-query-text";

/** Maximum number of listed completions. */
const SHOWN = 12;

/** Returns the completions at the caret, the highlighted one, and functions that insert one. */
function useCompletions(text: string, setText: (now: string) => void) {
  const [caret, setCaret] = useState<number>();
  const [open, setOpen] = useState(false);
  /** True after Ctrl+Space requested completions. */
  const [asked, setAsked] = useState(false);
  /** True from the insertion of a completion until the new text is parsed. Old completions do not fit the new text. */
  const [taken, setTaken] = useState(false);
  const [highlighted, setHighlighted] = useState<Completion>();
  const input = useRef<HTMLInputElement>(null);
  const { read, isRead, error } = useReadQuery(text, open ? caret : undefined);
  const shown = open && !taken ? completionsAt(text, caret, read, asked).slice(0, SHOWN) : [];
  useEffect(() => {
    if (isRead) setTaken(false);
  }, [isRead]);
  const take = (one: Completion): void => {
    const now = completed(text, one);
    setText(now.text);
    setCaret(now.caret);
    setTaken(true);
    requestAnimationFrame(() => input.current?.setSelectionRange(now.caret, now.caret));
  };
  /** True if Tab was pressed before completions were loaded. Their first one is then inserted. */
  const soon = useRef(false);
  useEffect(() => {
    if (!soon.current || !isRead) return;
    soon.current = false;
    if (shown[0]) take(shown[0]);
  });
  const takeFirst = (): void => {
    const first = highlighted ?? shown[0];
    if (isRead && first) take(first);
    else soon.current = true;
  };
  return {
    input,
    read,
    isRead,
    error,
    open,
    setOpen,
    setAsked,
    setCaret,
    shown,
    highlighted,
    setHighlighted,
    take,
    takeFirst,
  };
}

interface Props {
  query: string;
  onQuery: (query: string) => void;
  inbox: string | undefined;
  onLeave: () => void;
  /** Called when the text becomes valid or invalid. The results then belong to an earlier text. */
  onFault?: (isInvalid: boolean) => void;
}

/** The query bar. The query runs while it is typed, with completions from the fields and stored values. */
export function QueryBar({ query, onQuery, inbox, onLeave, onFault }: Props) {
  const { text, setText, run } = useQueryText(query, onQuery);
  const completions = useCompletions(text, setText);
  const { input, read, isRead, error, open, setOpen, setAsked, setCaret, shown, highlighted } = completions;
  const [saving, setSaving] = useState(false);
  const under = useRef<HTMLDivElement>(null);
  const id = useId();
  useCommands({
    query: () => {
      input.current?.focus();
      input.current?.select();
    },
    "save-query": () => text.trim() && setSaving(true),
  });
  useEffect(() => {
    if (isRead && read && !read.error) run(text.trim());
  }, [text, read, isRead, run]);
  const isInvalid = Boolean(error);
  useEffect(() => onFault?.(isInvalid), [isInvalid, onFault]);
  const clear = (): void => {
    setText("");
    run("");
  };
  const follow = (): void => {
    setCaret(input.current?.selectionStart ?? undefined);
    if (under.current && input.current) under.current.scrollLeft = input.current.scrollLeft;
  };
  const onText = (now: string): void => {
    setText(now);
    setOpen(true);
    setAsked(false);
    follow();
  };
  const leave = (): void => {
    remember(text.trim());
    setOpen(false);
    onLeave();
  };
  const escape = (): void => {
    if (open && shown.length) setOpen(false);
    else if (text) clear();
    else onLeave();
  };
  const onKeyDown = (event: ComboboxKeyEvent): void => {
    const action = keyAction(event, {
      complete: () => (setOpen(true), setAsked(true)),
      // Without a completion, Tab moves the focus as usual.
      tab: !event.shiftKey && text && (!isRead || shown.length) ? completions.takeFirst : undefined,
      // The list handles arrow keys and inserts the highlighted completion itself.
      down: shown.length ? undefined : onLeave,
      enter: highlighted ? undefined : leave,
      escape,
    });
    if (!action) return;
    event.preventDefault();
    event.preventBaseUIHandler();
    action();
  };

  return (
    <div className="relative border-b border-line px-2.5 pb-2">
      <Combobox items={shown} text={text} onText={onText} onHighlight={completions.setHighlighted}>
        <div className="control flex items-center gap-2 rounded-[7px] border border-line bg-control pl-2.5 focus-within:border-accent">
          <Search size={14} aria-hidden className="shrink-0 text-ink-2" />
          <div className="relative min-w-0 flex-1">
            <div
              ref={under}
              aria-hidden
              className="pointer-events-none absolute inset-0 overflow-hidden font-mono text-data leading-[26px] whitespace-pre text-transparent"
            >
              <QueryTerms text={text} read={isRead ? read : undefined} />
            </div>
            <ComboboxInput
              ref={input}
              aria-label="Query"
              aria-expanded={shown.length > 0}
              aria-invalid={Boolean(error)}
              aria-describedby={error ? `${id}-error` : undefined}
              placeholder="Search, or event:chat.*  status:>=400  body.id:…"
              onSelect={follow}
              onScroll={follow}
              onFocus={() => (setOpen(true), follow())}
              onBlur={() => (setOpen(false), remember(text.trim()))}
              onKeyDown={onKeyDown}
              className="relative w-full bg-transparent font-mono text-data leading-[26px] text-ink outline-none placeholder:font-sans placeholder:text-ink-3"
            />
          </div>
          {!text && (
            <span className="pr-2 text-ink-2">
              <Keys keys={firstKeys("query")} />
            </span>
          )}
          {text && <TextActions onSave={() => setSaving(true)} onClear={clear} />}
        </div>
        {shown.length > 0 && <Completions onPick={completions.take} />}
      </Combobox>
      {error && <QueryError id={`${id}-error`} error={error} onUse={(now) => (setText(now), input.current?.focus())} />}
      <SaveSearch open={saving} onClose={() => setSaving(false)} query={text.trim()} inbox={inbox} />
    </div>
  );
}

interface KeyActions {
  complete: () => void;
  tab: (() => void) | undefined;
  down: (() => void) | undefined;
  enter: (() => void) | undefined;
  escape: () => void;
}

/** Returns the action of a key. Undefined if the list or the browser handles the key. */
function keyAction({ key, ctrlKey }: ComboboxKeyEvent, actions: KeyActions): (() => void) | undefined {
  switch (key) {
    case " ":
      return ctrlKey ? actions.complete : undefined;
    case "Tab":
      return actions.tab;
    case "ArrowDown":
      return actions.down;
    case "Enter":
      return actions.enter;
    case "Escape":
      return actions.escape;
    default:
      return undefined;
  }
}

function TextActions({ onSave, onClear }: { onSave: () => void; onClear: () => void }) {
  return (
    <>
      <IconButton
        label="Save search"
        icon={Bookmark}
        className="h-6!"
        keys={firstKeys("save-query")}
        onClick={onSave}
      />
      <IconButton label="Clear search" icon={X} className="h-6!" onClick={onClear} />
    </>
  );
}

function Completions({ onPick }: { onPick: (one: Completion) => void }) {
  return (
    <ComboboxList
      label="Completions"
      className="absolute right-2.5 left-2.5 z-30 mt-1 max-h-[50vh] overflow-auto rounded-[7px] border border-line bg-pane p-1"
      itemKey={(one: Completion, place) => `${one.text}-${place}`}
      itemClass="flex items-center gap-3 rounded-md px-2 py-1"
      onPick={onPick}
    >
      {({ text, means }) => (
        <>
          <span className="max-w-full shrink-0 truncate font-mono text-data">{text}</span>
          <span className="ml-auto min-w-0 truncate text-small text-ink-2">{means}</span>
        </>
      )}
    </ComboboxList>
  );
}

function QueryError({
  id,
  error,
  onUse,
}: {
  id: string;
  error: NonNullable<ReadQuery["error"]>;
  onUse: (query: string) => void;
}) {
  const { message, suggestion } = error;
  return (
    <p id={id} role="alert" className="mt-1 text-small text-invalid">
      {message}{" "}
      {suggestion && (
        <button type="button" className="underline" onClick={() => onUse(suggestion)}>
          Use {suggestion}
        </button>
      )}
    </p>
  );
}
