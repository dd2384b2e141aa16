import { ChevronDown, ChevronsDownUp, ChevronsUpDown, ChevronUp, Search } from "lucide-react";
import { createContext, useContext, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { createPortal } from "react-dom";

import { perform, firstKeys, useCommands } from "../../../app/commands";
import { IconButton } from "../../../ui/button";
import { count } from "../../../ui/format";
import { useSettled } from "../../../ui/settled";
import { useFoundText } from "../../search";
import { MATCHES_MAX } from "./json-find";

/** Pause in typing after which the body is searched, in ms. */
const TYPED_MS = 80;

/** The place in the toolbar of the body for the tools of its view. */
export const ToolSlot = createContext<HTMLElement | null>(null);

export interface Find {
  text: string;
  /** Text that is searched for. */
  settled: string;
  /** Number of the current match, from 0. It grows without limit and counts modulo the number of matches. */
  place: number;
  input: RefObject<HTMLInputElement | null>;
  setText: (now: string) => void;
  step: (by: 1 | -1, matches: number) => void;
}

/** The state of a search in the body. It begins with the text that the list was searched for. */
export function useFind(): Find {
  const [text, setText] = useState(useFoundText());
  const [place, setPlace] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const settled = useSettled(text, TYPED_MS);
  return {
    text,
    settled,
    place,
    input,
    setText: (now) => {
      setText(now);
      setPlace(0);
    },
    step: (by, matches) => setPlace((before) => (matches > 0 ? (before + by + matches) % matches : 0)),
  };
}

/** The search field of the body with the number of matches, and buttons that open or close the tree. */
export function FindBar({ find, matches }: { find: Find; matches: number }) {
  const slot = useContext(ToolSlot);
  const { text, settled, place, input, setText, step } = find;
  useCommands({
    find: () => {
      input.current?.focus();
      input.current?.select();
    },
    "find-next": () => step(1, matches),
    "find-previous": () => step(-1, matches),
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1, matches);
    else if (event.key !== "Escape") return;
    else if (text) setText("");
    else document.querySelector<HTMLElement>("[role=tree]")?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  if (!slot) return null;
  const total = matches >= MATCHES_MAX ? `${count(MATCHES_MAX)}+` : count(matches);
  return createPortal(
    <>
      <label className="control flex min-w-0 items-center gap-1.5 rounded-[7px] border border-line bg-control pr-1 pl-2 focus-within:border-accent">
        <Search size={13} aria-hidden className="shrink-0 text-ink-2" />
        <input
          ref={input}
          aria-label="Find in body"
          placeholder="Find in body"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="w-28 min-w-0 bg-transparent font-mono text-data outline-none placeholder:font-sans placeholder:text-ink-3"
        />
        {settled && (
          <span role="status" className="text-small whitespace-nowrap text-ink-2">
            {matches === 0 ? "none" : `${count((place % matches) + 1)} / ${total}`}
          </span>
        )}
        {settled && matches > 1 && (
          <>
            <IconButton
              label="Previous match"
              icon={ChevronUp}
              className="h-5!"
              keys={firstKeys("find-previous")}
              onClick={() => step(-1, matches)}
            />
            <IconButton
              label="Next match"
              icon={ChevronDown}
              className="h-5!"
              keys={firstKeys("find-next")}
              onClick={() => step(1, matches)}
            />
          </>
        )}
      </label>
      <span className="flex">
        <IconButton
          label="Expand all"
          icon={ChevronsUpDown}
          keys={firstKeys("expand-all")}
          onClick={() => perform("expand-all")}
        />
        <IconButton
          label="Collapse all"
          icon={ChevronsDownUp}
          keys={firstKeys("collapse-all")}
          onClick={() => perform("collapse-all")}
        />
      </span>
    </>,
    slot,
  );
}
