/** The panes that F6 moves the focus between. */

const SELECTOR = "[data-pane]";

/** Moves the focus to the next or the previous pane. */
export function focusPane(step: 1 | -1): void {
  const panes = [...document.querySelectorAll<HTMLElement>(SELECTOR)].filter((one) => one.getClientRects().length > 0);
  const focused = document.activeElement;
  const holder = panes.findIndex((pane) => pane === focused || pane.contains(focused));
  // Outside the panes, the pane before the focus in the document counts as the current one.
  const at =
    holder >= 0
      ? holder
      : panes.findLastIndex((pane) =>
          focused ? pane.compareDocumentPosition(focused) & Node.DOCUMENT_POSITION_FOLLOWING : false,
        );
  const next = panes[(at + step + panes.length) % panes.length];
  const inside: HTMLElement | null | undefined = next?.matches("nav")
    ? (next.querySelector<HTMLElement>("a[data-status=active]") ?? next.querySelector("a"))
    : next;
  inside?.focus();
}
