/** Rules for imports between the folders of the page. */
import ts from "typescript";
import { expect, test } from "vitest";

const SOURCES = import.meta.glob<string>(["./**/*.{ts,tsx}", "!./**/*.gen.ts", "!./structure.test.ts"], {
  query: "?raw",
  eager: true,
  import: "default",
});
const FILES = Object.entries(SOURCES).map(([path, text]) => ({ path: path.slice(2), text }));
const PATHS = new Set([...FILES.map(({ path }) => path), "api/schema.gen.ts"]);

interface Import {
  from: string;
  to: string;
}

/** Returns the file of a relative import. */
function resolve(from: string, specifier: string): string {
  const base = new URL(specifier, `file:///${from}`).pathname.slice(1).replace(/\/$/, "");
  const found = [base, `${base}.ts`, `${base}.tsx`, `${base}/index.ts`].find((path) => PATHS.has(path));
  return found ?? base;
}

/** Returns all imports of a file: static and dynamic ones, workers, and exports from another file. */
const imports = (path: string, text: string): string[] =>
  ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => (fileName.startsWith(".") ? resolve(path, fileName) : fileName));

const IMPORTS: Import[] = FILES.flatMap(({ path, text }) => imports(path, text).map((to) => ({ from: path, to })));

/** Returns the folder of a file: `features/inbox`, `app/commands`, `ui`. */
function folder(path: string): string {
  const [first, second = ""] = path.split("/");
  return first === "features" || (first === "app" && second === "commands") ? `${first}/${second}` : first!;
}

const isFeature = (name: string): boolean => name.startsWith("features/");

/** Returns true if a folder may import another. Every folder may import itself and packages. */
function mayImport(from: string, to: string): boolean {
  if (from === "app") return true;
  if (from === "app/commands") return to === "ui";
  if (isFeature(from)) return to !== "app";
  if (from === "ui") return to === "platform";
  if (from === "api") return to === "platform";
  // The platform uses generated types of the feed.
  return from === "platform" && to === "api";
}

const crossing = IMPORTS.map((one) => ({ ...one, ends: [folder(one.from), folder(one.to)] as const })).filter(
  ({ to, ends: [from, target] }) => PATHS.has(to) && from !== target,
);

test("finds files and imports", () => {
  expect(FILES.length).toBeGreaterThan(100);
  expect(crossing.length).toBeGreaterThan(300);
});

test("each folder imports only folders below it", () => {
  expect(crossing.filter(({ ends: [from, to] }) => !mayImport(from, to))).toEqual([]);
});

test("features and the command table are imported through their index", () => {
  const inside = crossing.filter(
    ({ to, ends: [, target] }) => (isFeature(target) || target === "app/commands") && to !== `${target}/index.ts`,
  );
  expect(inside).toEqual([]);
});

test("the platform imports only generated types from the API", () => {
  const others = crossing.filter(({ to, ends: [from] }) => from === "platform" && to !== "api/schema.gen.ts");
  expect(others).toEqual([]);
});

test("features import each other in one direction", () => {
  const uses = new Map<string, Set<string>>();
  for (const {
    ends: [from, to],
  } of crossing) {
    if (isFeature(from) && isFeature(to)) uses.set(from, (uses.get(from) ?? new Set()).add(to));
  }
  const cycleFrom = (name: string, path: readonly string[]): readonly string[] | undefined =>
    path.includes(name)
      ? [...path, name]
      : [...(uses.get(name) ?? [])].map((next) => cycleFrom(next, [...path, name])).find((found) => found);
  expect([...uses.keys()].map((name) => cycleFrom(name, [])).find((found) => found)).toBeUndefined();
});

test("only platform/tauri.ts imports Tauri", () => {
  const tauri = IMPORTS.filter(({ to }) => to.startsWith("@tauri")).map(({ from }) => from);
  expect(new Set(tauri)).toEqual(new Set(["platform/tauri.ts"]));
});
