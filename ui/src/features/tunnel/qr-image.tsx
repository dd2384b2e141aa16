import { useMemo } from "react";
import { encode } from "uqr";

/** A text as a QR code, dark on light in every theme, because many scanners require it. */
export function QrImage({ text }: { text: string }) {
  const { size, path } = useMemo(() => {
    const { data, size } = encode(text, { ecc: "M", border: 3 });
    const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
    return { size, path };
  }, [text]);
  return (
    <svg
      role="img"
      aria-label={`QR code of ${text}`}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className="mx-auto size-60 rounded-[7px] bg-white text-black"
    >
      <path d={path} fill="currentColor" />
    </svg>
  );
}
