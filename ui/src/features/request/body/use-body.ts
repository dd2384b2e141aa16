/** The bytes of a body and their interpretation by the engine. */
import { useQuery } from "@tanstack/react-query";

import { api, bytes as readBytes, requestRoute, type Detail } from "../../../api/client";

/** Maximum size of a body that is shown in full, in bytes. Larger bodies can be saved. */
const SHOWN_MAX = 32 * 1024 * 1024;
export const BEGINNING = 1024 * 1024;

/** Returns true if the whole body is shown. */
export const isWhole = (detail: Detail): boolean => detail.body_bytes <= SHOWN_MAX;

/** Forms of a body: bytes as received, content decoded, or converted to UTF-8 text. */
type Reading = "sent" | "decoded" | "text";
export const ROUTES: Record<Reading, string> = { sent: "body", decoded: "body?decoded=true", text: "body?text=true" };

export function useBody(detail: Detail, reading: Reading, enabled = true) {
  return useQuery({
    queryKey: ["body", detail.id, reading],
    gcTime: 5_000,
    enabled,
    queryFn: () =>
      readBytes(
        requestRoute(detail.id, ROUTES[reading]),
        isWhole(detail) ? {} : { headers: { range: `bytes=0-${BEGINNING - 1}` } },
      ),
  });
}

/** Returns the interpretation of the body by the engine. Undefined if only the first part is shown. */
export function useReading(detail: Detail) {
  const enabled = detail.body_bytes > 0 && isWhole(detail) && detail.body_state !== "too_large";
  return useQuery({ queryKey: ["reading", detail.id], gcTime: 5_000, enabled, queryFn: () => api.reading(detail.id) })
    .data;
}
