/**
 * Formats JSON for reading. Every token stays as sent: numbers, escapes and duplicate keys. Text that is not JSON is
 * returned unchanged.
 */
export function laidOut(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let out = "";
  let depth = 0;
  let opened = false;
  const line = (): string => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    if (token === "{" || token === "[") {
      if (opened) out += line();
      depth += 1;
      out += token;
      opened = true;
      continue;
    }
    if (token === "}" || token === "]") {
      depth -= 1;
      // An empty object or list stays on one line.
      out += opened ? token : line() + token;
    } else {
      if (opened) out += line();
      if (token === ",") out += token + line();
      else out += token === ":" ? ": " : token;
    }
    opened = false;
  }
  return out;
}
