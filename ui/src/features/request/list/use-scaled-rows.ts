/** Virtual rows of a list of any length. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, type RefObject } from "react";

/** Maximum height of the scroll area in px. WebKitGTK limits elements to 33,554,428 px, so longer lists are scaled. */
const HEIGHT_MAX = 30_000_000;

export function useScaledRows(scroller: RefObject<HTMLDivElement | null>, total: number, height: number) {
  const rowsMax = Math.floor(HEIGHT_MAX / height);
  const scale = total > rowsMax ? total / rowsMax : 1;
  const rows = useVirtualizer({
    count: Math.min(total, rowsMax),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  });
  useEffect(() => rows.measure(), [rows, height]);
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  // In a scaled list one pixel covers several rows, so the window of rows moves faster.
  const offset = scale === 1 ? 0 : Math.round(first * scale) - first;
  const top = Math.floor((rows.scrollOffset ?? 0) / height);
  return {
    /** Index of the first visible row. */
    top: Math.min(Math.max(0, total - 1), top + offset),
    height: rows.getTotalSize(),
    /** Visible rows with their index in the list and their distance from the top, in px. */
    items: items.map(({ key, index, start }) => ({ key, place: Math.min(total - 1, index + offset), top: start })),
    scrollTo: (place: number): void => rows.scrollToIndex(Math.floor(place / scale)),
  };
}
