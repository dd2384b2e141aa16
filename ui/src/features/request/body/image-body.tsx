import { useEffect, useMemo } from "react";

const IMAGE_TYPE = /^image\/[a-z0-9.+-]+/;

export function ImageBody({ bytes, type }: { bytes: Uint8Array<ArrayBuffer>; type: string }) {
  const url = useMemo(
    () => URL.createObjectURL(new Blob([bytes], { type: IMAGE_TYPE.exec(type)?.[0] ?? "" })),
    [bytes, type],
  );
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return (
    <div className="h-full overflow-auto p-4">
      <img src={url} alt="The body as an image" className="max-w-full border border-line" />
    </div>
  );
}
