/**
 * Hides the menu of the web view in the desktop window. Fields keep it for cut, copy and paste, and so does selected
 * text. Elements with another menu handle the event before.
 */
export function hideWebMenu(): () => void {
  if (!("__TAURI_INTERNALS__" in window)) return () => undefined;
  const onContextMenu = (event: MouseEvent): void => {
    const target = event.target as Element;
    const keeps = target.closest("input, textarea, [contenteditable=true], .cm-editor") ?? getSelection()?.toString();
    if (!keeps) event.preventDefault();
  };
  window.addEventListener("contextmenu", onContextMenu);
  return () => window.removeEventListener("contextmenu", onContextMenu);
}
