/** A text editor or viewer with line numbers, folding and search. Loaded on first use. */
import { html } from "@codemirror/lang-html";
import { json } from "@codemirror/lang-json";
import { xml } from "@codemirror/lang-xml";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { codeFolding, foldGutter, foldKeymap, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { openSearchPanel, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

export type Language = "json" | "xml" | "html" | "text";

const LANGUAGES: Record<Language, () => Extension> = {
  json,
  xml,
  html: () => html({ autoCloseTags: false }),
  text: () => [],
};

/** Maximum length of text with syntax highlighting, in characters. Longer text would be slow to highlight. */
const COLOURED_MAX = 3_000_000;

/** The keys of the editor. Ctrl+Enter belongs to the form around it. */
const KEYS = defaultKeymap.filter(({ key }) => key !== "Mod-Enter");

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.attributeName], color: "var(--key)" },
  { tag: [tags.string, tags.attributeValue], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--number)" },
  { tag: [tags.tagName, tags.keyword], color: "var(--accent)" },
  { tag: [tags.comment, tags.meta], color: "var(--ink-3)" },
]);

interface Props {
  text: string;
  language: Language;
  label: string;
  /** Called after each change. Without it, the text is read-only. */
  onChange?: (now: string) => void;
  /** Receives a function that opens the search of the editor. */
  onSearch?: (open: () => void) => void;
  /** True if the editor takes the focus when it opens, unless a field has it. */
  takesFocus?: boolean;
}

export default function CodeView({ text, language, label, onChange, onSearch, takesFocus }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const changed = useRef(onChange);
  const searched = useRef(onSearch);
  useEffect(() => {
    changed.current = onChange;
    searched.current = onSearch;
  }, [onChange, onSearch]);
  const editable = onChange !== undefined;
  useEffect(() => {
    const view = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          codeFolding(),
          foldGutter(),
          drawSelection(),
          highlightSpecialChars({ addSpecialChars: /[\u202a-\u202e\u2066-\u2069]/ }),
          search({ top: true }),
          keymap.of([...searchKeymap, ...foldKeymap, ...historyKeymap, ...KEYS]),
          editable ? history() : EditorState.readOnly.of(true),
          EditorView.updateListener.of(({ docChanged, state }) => docChanged && changed.current?.(state.sliceDoc())),
          // Edited text keeps its line endings.
          editable && text.includes("\r\n") ? EditorState.lineSeparator.of("\r\n") : [],
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.lineWrapping,
          syntaxHighlighting(colours),
          text.length <= COLOURED_MAX ? LANGUAGES[language]() : [],
        ],
      }),
    });
    searched.current?.(() => openSearchPanel(view));
    // A field that has the focus keeps it; a view that was just opened gives it up.
    if (takesFocus && (document.activeElement ?? document.body).matches("body, [data-pane]")) view.focus();
    return () => view.destroy();
  }, [text, language, label, editable, takesFocus]);
  return <div ref={host} className="h-full min-h-0" />;
}
