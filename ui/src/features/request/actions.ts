/** What can be done with a request, wherever it is asked for. */
import { api, requestRoute, text } from "../../api/client";
import { clearSelection } from "./selection";
import { attempt, offerUndo, tell } from "../../ui/toasts";
import { platform } from "../../platform";

const copied = (what: string, content: Promise<string>): void =>
  void attempt(content.then((value) => platform.copyText(value)).then(() => tell(`Copied ${what}`)));

const headers = async (id: string): Promise<string> =>
  (await api.request(id)).headers.map(({ name, value }) => `${name}: ${value}`).join("\n");

/** Deletes requests that are ticked, with one undo for all of them. */
export async function removeTicked(ids: readonly string[]): Promise<void> {
  const removals: { id: number }[] = [];
  await attempt(
    (async () => {
      for (const id of ids) removals.push(await api.removeRequest(id));
    })(),
  );
  clearSelection();
  if (removals.length > 0)
    offerUndo(removals.length === 1 ? "Request deleted" : `${removals.length} requests deleted`, () =>
      Promise.all(removals.map(({ id }) => api.undo(id))),
    );
}

export const requestActions = (id: string) => ({
  copyCurl: () => copied("as curl", text(requestRoute(id, "code?as=curl"))),
  copyRaw: () => copied("as raw HTTP", text(requestRoute(id, "raw"))),
  copyBody: () => copied("body", text(requestRoute(id, "body?text=true"))),
  copyHeaders: () => copied("headers", headers(id)),
  pin: (pinned: boolean) =>
    void attempt(
      api.markRequest(id, { pinned }).then(() => tell(pinned ? "Pinned: it stays when others roll over" : "Unpinned")),
    ),
  remove: () =>
    void attempt(api.removeRequest(id).then((removal) => offerUndo("Request deleted", () => api.undo(removal.id)))),
});
