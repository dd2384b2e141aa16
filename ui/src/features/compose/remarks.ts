/** Differences of a composed body from the schema of the requests that arrived. */
import { useQuery } from "@tanstack/react-query";

import { api, type SchemaField } from "../../api/client";
import { useSchemas } from "../../api/queries";
import { count } from "../../ui/format";

/** Number of occurrences from which a type is usual. */
const ENOUGH = 5;

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value === "number" ? "number" : typeof value;

/** Returns a remark for each value whose type differs from the usual one of its field. */
export function remarksOn(body: string, fields: readonly SchemaField[]): string[] {
  let root: unknown;
  try {
    root = JSON.parse(body);
  } catch {
    return [];
  }
  const remarks: string[] = [];
  for (const { path, types, seen } of fields) {
    if (!path || /[[*"]/.test(path) || seen < ENOUGH) continue;
    let value = root;
    for (const key of path.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[key];
    // The value of a placeholder is not known yet.
    if (value === undefined || (typeof value === "string" && value.includes("{{"))) continue;
    const own = typeOf(value);
    const usual = types.map((type) => (type === "integer" ? "number" : String(type)));
    if (!usual.includes(own)) remarks.push(`${path} was ${usual.join(" or ")} in ${count(seen)} events`);
  }
  return remarks;
}

/** Returns the remarks on a body of an event, by the schema of any inbox that received it. */
export function useRemarks(body: string, event: string): string[] {
  const known = useSchemas().data?.items.find((one) => one.event_type === event && event !== "");
  const { data } = useQuery({
    queryKey: ["schemas", "fields", known?.inbox, event],
    queryFn: () => api.shape(known!.inbox, event),
    enabled: known !== undefined,
    staleTime: 60_000,
  });
  return data ? remarksOn(body, data.tree) : [];
}
