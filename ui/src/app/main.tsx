import "./language";

import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";

import { queryClient } from "../api/refetch";
import { choosePlatform } from "../platform";
import { apply } from "../ui/preferences";
import { connect } from "./connect";
import { router } from "./routes";

/** Maximum time that the first paint waits for its fonts, in ms. */
const FONTS_MS = 500;

/** Waits for the fonts, so that no text changes its width after it is shown. */
const fontsReady = (): Promise<unknown> =>
  Promise.race([
    Promise.all(["13px 'Inter Variable'", "12px 'JetBrains Mono Variable'"].map((font) => document.fonts.load(font))),
    new Promise((done) => setTimeout(done, FONTS_MS)),
  ]);

await Promise.all([choosePlatform(), fontsReady()]);
performance.mark("hookbench-fonts");
apply();
void connect();
createRoot(document.getElementById("root")!).render(
  <QueryClientProvider client={queryClient}>
    <RouterProvider router={router} />
  </QueryClientProvider>,
);
