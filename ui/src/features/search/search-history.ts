/** The recent searches in this browser, newest first. */
const KEY = "queries";
const MOST = 30;

export function history(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export function remember(query: string): void {
  if (!query.trim()) return;
  localStorage.setItem(KEY, JSON.stringify([query, ...history().filter((one) => one !== query)].slice(0, MOST)));
}
