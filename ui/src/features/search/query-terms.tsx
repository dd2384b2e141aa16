import type { ReadQuery } from "../../api/client";

/** The text of the query with highlighted terms, aligned below the transparent input. */
export function QueryTerms({ text, read }: { text: string; read: ReadQuery | undefined }) {
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
