import type { SearchSnippet } from "../../../api/client";
import { visible } from "../../../ui/format";

/** The text that a search found in a request, with the hit marked. */
export function Found({ snippet: { place, before, matched, after } }: { snippet: SearchSnippet }) {
  return (
    <p className="truncate font-mono text-data leading-4 text-ink-2" title={visible(`${before}${matched}${after}`)}>
      <span className="mr-2 text-ink-3">{visible(place)}</span>
      {visible(before)}
      <mark className="rounded-[3px] bg-hit text-hit-ink">{visible(matched)}</mark>
      {visible(after)}
    </p>
  );
}
