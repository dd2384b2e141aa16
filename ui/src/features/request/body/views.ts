/** The views of a body. */
import type { Detail } from "../../../api/client";
import type { Language } from "../../../ui/code-view";
import { jwtParts } from "./jwt";

export type View = "tree" | "elements" | "token" | "text" | "hex" | "form" | "parts" | "image";
/** Labels of the views. */
export const NAMES: Record<View, string> = {
  tree: "Tree",
  elements: "Tree",
  token: "Token",
  text: "Text",
  hex: "Hex",
  form: "Form",
  parts: "Parts",
  image: "Image",
};
/** Maximum size of XML shown as a tree, in bytes. The tree is built in the main thread. */
const XML_TREE_MAX = 2 * 1024 * 1024;

const looksLikeJson = (bytes: Uint8Array): boolean =>
  /^\s*[{["\d-]/.test(String.fromCharCode(...bytes.subarray(0, 64)));

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return !bytes.subarray(0, 4096).includes(0);
  } catch {
    return false;
  }
}

/** Returns the views of a body, the best first. */
export function viewsOf(detail: Detail, bytes: Uint8Array): View[] {
  const { kind } = detail.content;
  if (bytes.length === 0) return [];
  if (kind === "multipart") return ["parts", "text", "hex"];
  if (kind === "form") return ["form", "text", "hex"];
  if (kind === "image") return ["image", "hex"];
  if (kind === "xml" && bytes.length <= XML_TREE_MAX) return ["elements", "text", "hex"];
  if (kind === "xml" || kind === "html") return ["text", "hex"];
  if (jwtParts(bytes)) return ["token", "text", "hex"];
  if (kind === "json" || looksLikeJson(bytes)) return ["tree", "text", "hex"];
  return isText(bytes) ? ["text", "hex"] : ["hex", "text"];
}

/** Returns the language for highlighting the body as text. */
export function languageOf({ kind }: Detail["content"], views: readonly View[]): Language {
  if (kind === "xml" || kind === "html") return kind;
  return views.includes("tree") ? "json" : "text";
}
