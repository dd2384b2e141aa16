/** Conversion of XML to the lines of a tree. */

export interface XmlLine {
  depth: number;
  /** Name of an element or attribute; undefined for text and comments. */
  name?: string;
  attribute?: true;
  comment?: true;
  /** Text, or the text of an element without other content. */
  value?: string;
  /** Index of the last line inside this one, or of the line itself. */
  last: number;
  node: Node;
}

/** Maximum depth. Deeper elements become one line, because unlimited recursion would exhaust the stack. */
const DEPTH_MAX = 1_000;

/** Returns the text to copy for a line: its value, or its XML. */
export function xmlText({ node, value }: XmlLine): string {
  return value ?? (node instanceof Element ? node.outerHTML : "");
}

/** Returns the lines in document order, or the reason why there is no tree. */
export function xmlLines(bytes: Uint8Array): XmlLine[] | string {
  const text = new TextDecoder().decode(bytes);
  // Nested entities can expand to terabytes, and the parser of WebKit has no limit.
  if (/<!ENTITY/i.test(text))
    return "This XML declares custom entities, which are not expanded. The body is shown as text.";
  const parsed = new DOMParser().parseFromString(text, "application/xml");
  if (parsed.querySelector("parsererror")) return "This XML is not well-formed. The body is shown as text.";
  const lines: XmlLine[] = [];
  const add = (node: Node, depth: number): void => {
    if (node instanceof Element) {
      const at = lines.length;
      const line: XmlLine = { depth, name: node.tagName, last: at, node };
      lines.push(line);
      for (const attribute of node.attributes)
        lines.push({
          depth: depth + 1,
          name: `@${attribute.name}`,
          attribute: true,
          value: attribute.value,
          last: lines.length,
          node: attribute,
        });
      const children = [...node.childNodes].filter((child) => !(child instanceof Text) || child.data.trim() !== "");
      if (depth >= DEPTH_MAX || (children.length === 1 && children[0] instanceof Text))
        line.value = node.textContent ?? "";
      else for (const child of children) add(child, depth + 1);
      line.last = lines.length - 1;
    } else if (node instanceof Comment)
      lines.push({ depth, comment: true, value: `<!--${node.data}-->`, last: lines.length, node });
    else if (node instanceof ProcessingInstruction)
      lines.push({ depth, comment: true, value: `<?${node.target} ${node.data}?>`, last: lines.length, node });
    else if (node instanceof Text) lines.push({ depth, value: node.data, last: lines.length, node });
  };
  for (const node of parsed.childNodes) add(node, 0);
  return lines;
}
