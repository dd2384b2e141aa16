import { Copy } from "lucide-react";
import { useState } from "react";

import type { DiffPart, Explanation } from "../../api/client";
import { IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { count, size } from "../../ui/format";
import { copyText } from "../../ui/transfer";

/** Maximum number of characters that are shown. */
const SHOWN = 20_000;
/** Length of equal text between two differences from which its middle is left out, in characters. */
const EQUAL_MAX = 400;
/** Number of characters of equal text shown before and after a difference. */
const AROUND = 160;

type View = "difference" | "received" | "signed";

/** Returns one side of a difference: without the parts that are only in the other text. */
const sideOf = (parts: readonly DiffPart[], without: DiffPart["type"]): string =>
  parts.flatMap(({ type, text }) => (type === without ? [] : [text])).join("");

const lengthOf = (parts: readonly DiffPart[], type: DiffPart["type"]): number =>
  parts.reduce((sum, part) => sum + (part.type === type ? [...part.text].length : 0), 0);

/** The signed payload: as received, as the sender signed it, and the difference. */
export function SignedPayload({ data: { content, content_bytes, difference } }: { data: Explanation }) {
  const differs = difference.length > 0;
  const [view, setView] = useState<View>("difference");
  const signed = differs ? sideOf(difference, "added") : content;
  const text = view === "signed" ? signed : content;
  const [inserted, missing] = [lengthOf(difference, "added"), lengthOf(difference, "removed")];
  return (
    <section aria-label="Signed payload" className="overflow-hidden rounded-[9px] border border-line bg-pane">
      <h3 className="flex flex-wrap items-center gap-2 border-b border-line bg-background px-3 py-1 font-semibold">
        Signed payload
        <span className="text-small font-normal text-ink-2">
          {size(content_bytes)} received
          {differs
            ? `, ${count([...signed].length)} characters signed, ${[inserted && `${count(inserted)} inserted`, missing && `${count(missing)} missing`].filter(Boolean).join(", ")}`
            : ""}
        </span>
        <span className="ml-auto flex items-center gap-1">
          {differs && (
            <Choice
              label="Payload"
              value={view}
              options={[
                ["difference", "Difference"],
                ["received", "Received"],
                ["signed", "As signed"],
              ]}
              onChange={setView}
            />
          )}
          <IconButton
            label="Copy signed payload"
            icon={Copy}
            className="h-7!"
            onClick={() => copyText(text, "signed payload")}
          />
        </span>
      </h3>
      <pre
        tabIndex={0}
        className="max-h-80 overflow-auto p-3 font-mono text-data leading-[18px] break-all whitespace-pre-wrap"
      >
        {differs && view === "difference" ? (
          <Difference parts={difference} />
        ) : (
          <>
            {text.slice(0, SHOWN)}
            {text.length > SHOWN && "…"}
          </>
        )}
      </pre>
    </section>
  );
}

/** Shows white space as a dot, which would otherwise be an empty mark. */
const dotted = (text: string): string => text.replaceAll(" ", "·");

function Difference({ parts }: { parts: readonly DiffPart[] }) {
  return parts.map(({ type, text }, place) => {
    if (type === "added")
      return (
        <ins
          key={place}
          aria-label={`inserted ${text}`}
          className="rounded-[2px] bg-invalid/20 text-invalid no-underline outline-1 outline-invalid/30"
        >
          {dotted(text)}
        </ins>
      );
    if (type === "removed") return <Removed key={place} text={text} isReplaced={isReplaced(parts, place)} />;
    return <Equal key={place} text={text} isFirst={place === 0} isLast={place === parts.length - 1} />;
  });
}

/** Returns true if other text was received in place of a removed part. */
const isReplaced = (parts: readonly DiffPart[], place: number): boolean =>
  parts[place - 1]?.type === "added" || parts[place + 1]?.type === "added";

/** Text that was signed and not received: struck through if other text replaced it, else after a caret with its length. */
function Removed({ text, isReplaced }: { text: string; isReplaced: boolean }) {
  if (isReplaced)
    return (
      <del aria-label={`changed from ${text}`} className="rounded-[2px] bg-valid/15 text-valid">
        {dotted(text)}
      </del>
    );
  return (
    <span
      role="deletion"
      aria-label={`missing ${text}`}
      className="rounded-[2px] text-valid outline-1 outline-valid/50 outline-dashed"
    >
      <span className="bg-valid px-0.5 text-[10px] text-pane">‸{count([...text].length)}</span>
      {dotted(text)}
    </span>
  );
}

/** Text that is the same on both sides. The middle of a long one is left out. */
function Equal({ text, isFirst, isLast }: { text: string; isFirst: boolean; isLast: boolean }) {
  if (text.length <= EQUAL_MAX) return text;
  const before = isFirst ? "" : text.slice(0, AROUND);
  const after = isLast ? "" : text.slice(-AROUND);
  return (
    <>
      {before}
      <span className="mx-1 rounded-[4px] bg-hover px-1.5 font-sans text-small text-ink-2">
        … {count(text.length - before.length - after.length)} equal characters …
      </span>
      {after}
    </>
  );
}
