import { useEffect, useState, type RefObject } from "react";

/** Returns the width of an element in px, updated when it changes by at least 4 px. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const { current } = element;
    if (!current) return;
    const read = (): void =>
      setWidth((before) => (Math.abs(before - current.clientWidth) < 4 ? before : current.clientWidth));
    read();
    const observer = new ResizeObserver(read);
    observer.observe(current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
