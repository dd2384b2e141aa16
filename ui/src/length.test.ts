/** Length limits of functions. Components are mostly markup and may be longer than other functions. */
import ts from "typescript";
import { expect, test } from "vitest";

const COMPONENT_MAX = 120;
const FUNCTION_MAX = 80;

const SOURCES = import.meta.glob<string>(["./**/*.{ts,tsx}", "!./**/*.gen.ts", "!./**/*.test.ts"], {
  query: "?raw",
  eager: true,
  import: "default",
});

interface Measured {
  name: string;
  lines: number;
  isComponent: boolean;
}

/** Returns the name of a function, or that of the variable to which it is assigned. */
function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (node.name) return node.name.getText();
  for (let parent = node.parent; parent; parent = parent.parent) {
    if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText();
    if (ts.isBlock(parent) || ts.isJsxExpression(parent)) break;
  }
  return "";
}

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node)
  );
}

/** Returns all functions of a file with their lengths, including nested ones. */
function measure(path: string, text: string): Measured[] {
  const kind = path.endsWith(".tsx") ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind);
  const found: Measured[] = [];
  const lineAt = (position: number): number => file.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if (isFunction(node) && node.body) {
      const name = nameOf(node);
      found.push({
        name: `${path.slice(2)}: ${name}`,
        lines: lineAt(node.getEnd()) - lineAt(node.getStart()) + 1,
        isComponent: path.endsWith(".tsx") && /^[A-Z]/.test(name),
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const MEASURED = Object.entries(SOURCES).flatMap(([path, text]) => measure(path, text));

const longer = (isComponent: boolean, max: number): string[] =>
  MEASURED.filter((one) => one.isComponent === isComponent && one.lines > max)
    .sort((a, b) => b.lines - a.lines)
    .map(({ name, lines }) => `${name} has ${lines} lines`);

test("finds components and other functions", () => {
  expect(MEASURED.filter(({ isComponent }) => isComponent).length).toBeGreaterThan(150);
  expect(MEASURED.filter(({ isComponent }) => !isComponent).length).toBeGreaterThan(500);
});

test(`no component is longer than ${COMPONENT_MAX} lines`, () => {
  expect(longer(true, COMPONENT_MAX)).toEqual([]);
});

test(`no other function is longer than ${FUNCTION_MAX} lines`, () => {
  expect(longer(false, FUNCTION_MAX)).toEqual([]);
});
