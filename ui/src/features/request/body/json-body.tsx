import { useQuery } from "@tanstack/react-query";
import { useMemo, type ReactNode } from "react";

import { BodyText } from "./body-text";
import { identity } from "./identity";
import { jsonIndex } from "./json";
import { JsonTree } from "./json-tree";
import { jwtParts } from "./jwt";

/** A body as a JSON tree, or `fallback` if the body is not JSON. */
export function JsonBody({ bytes, fallback }: { bytes: Uint8Array<ArrayBuffer>; fallback: ReactNode }) {
  const { data } = useQuery({
    queryKey: ["json", bytes],
    queryFn: () => jsonIndex(bytes),
    queryKeyHashFn: () => `json-${identity(bytes)}`,
    gcTime: 0,
  });
  if (data === undefined) return null;
  if (typeof data === "number") {
    return (
      <div className="flex h-full flex-col">
        <p className="border-b border-line px-4 py-2 text-warning">
          Invalid JSON at byte {data}. The body is shown as text.
        </p>
        <div className="min-h-0 flex-1">{fallback}</div>
      </div>
    );
  }
  return <JsonTree index={data} />;
}

/** The decoded parts of a JSON Web Token. The signature is not verified. */
export function TokenBody({ bytes }: { bytes: Uint8Array }) {
  const parts = useMemo(() => jwtParts(bytes), [bytes]);
  return (
    <div className="flex h-full flex-col">
      <p className="border-b border-line px-4 py-2 text-ink-2">Decoded, not verified.</p>
      {parts?.map(([name, part]) => (
        <section key={name} aria-label={name} className="flex min-h-0 flex-1 flex-col">
          <h3 className="px-4 pt-2 text-small text-ink-2">{name}</h3>
          <div className="min-h-0 flex-1">
            <JsonBody bytes={part} fallback={<BodyText bytes={part} language="text" />} />
          </div>
        </section>
      ))}
    </div>
  );
}
