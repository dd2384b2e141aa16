import { Filter, FilterX } from "lucide-react";

import { IconButton } from "../../ui/button";
import { useAddTerm } from "./terms";

/** Buttons that include or exclude a value in the search. Renders nothing outside a list. */
export function TermButtons({ one, what, className = "" }: { one: string; what: string; className?: string }) {
  const add = useAddTerm();
  if (!add) return null;
  return (
    <>
      <IconButton label={`Only this ${what}`} icon={Filter} className={className} onClick={() => add(one, false)} />
      <IconButton label={`Not this ${what}`} icon={FilterX} className={className} onClick={() => add(one, true)} />
    </>
  );
}
