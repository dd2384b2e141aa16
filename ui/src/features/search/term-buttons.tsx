import { Filter, FilterX } from "lucide-react";

import { IconButton } from "../../ui/button";
import { useAddTerm } from "./terms";

/** "Only this" and "not this" for a value; nothing where there is no list to narrow. */
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
