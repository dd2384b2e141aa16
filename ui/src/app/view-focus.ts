/** Moves the focus into a new view, where it would otherwise be lost or stay on the link of another view. */
import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";

/** Returns the part of a path that names the view, without what is open in it. */
const viewOf = (path: string): string =>
  path
    .split("/")
    .slice(0, /^\/(inbox|rules)\//.test(path) ? 3 : 2)
    .join("/");

/** Where the focus goes in a view, in order of preference. */
const TARGETS = ["[data-first-focus]", "[data-pane=list]", "[data-pane=page]"];

/** Moves the focus into the view if it is on the page itself, or on a link of another view. */
export function focusView(): void {
  const { activeElement } = document;
  const isLost = !activeElement || activeElement === document.body;
  const isElsewhere = activeElement?.matches("nav a:not([data-status=active])");
  if (!isLost && !isElsewhere) return;
  const main = document.querySelector("main");
  const target = TARGETS.map((one) => main?.querySelector<HTMLElement>(one)).find(Boolean);
  target?.focus({ preventScroll: true });
}

export function useViewFocus(): void {
  const router = useRouter();
  useEffect(
    () =>
      router.subscribe("onRendered", ({ fromLocation, toLocation }) => {
        if (fromLocation && viewOf(fromLocation.pathname) !== viewOf(toLocation.pathname))
          requestAnimationFrame(focusView);
      }),
    [router],
  );
}
