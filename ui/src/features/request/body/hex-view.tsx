import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";

const LINE = 20;
const WIDTH = 16;

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
const printable = (byte: number): string => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·");

/** A hex dump: offset, hexadecimal bytes, ASCII. */
export function HexView({ bytes }: { bytes: Uint8Array }) {
  const scroller = useRef<HTMLDivElement>(null);
  const lines = useVirtualizer({
    count: Math.ceil(bytes.length / WIDTH),
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 20,
  });
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label="Body in hexadecimal"
      className="h-full overflow-auto p-4 font-mono text-data"
    >
      <div className="relative w-max" style={{ height: lines.getTotalSize(), minWidth: "100%" }}>
        {lines.getVirtualItems().map((line) => {
          const row = [...bytes.subarray(line.index * WIDTH, (line.index + 1) * WIDTH)];
          return (
            <div
              key={line.index}
              className="absolute flex gap-6 whitespace-pre"
              style={{ transform: `translateY(${line.start}px)` }}
            >
              <span className="text-ink-3">{(line.index * WIDTH).toString(16).padStart(8, "0")}</span>
              <span>
                {row
                  .map(hex)
                  .join(" ")
                  .padEnd(WIDTH * 3 - 1)}
              </span>
              <span className="text-ink-2">{row.map(printable).join("")}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
