/** Actions on a request. */
import { api, requestRoute, text } from "../../api/client";
import { clearSelection } from "./selection";
import { attempt, offerUndo, tell } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";

const headers = async (id: string): Promise<string> =>
  (await api.request(id)).headers.map(({ name, value }) => `${name}: ${value}`).join("\n");

/** Deletes the selected requests, with one undo for all of them. */
export async function removeSelected(ids: readonly string[]): Promise<void> {
  const deletions: { id: number }[] = [];
  await attempt(
    (async () => {
      for (const id of ids) deletions.push(await api.removeRequest(id));
    })(),
  );
  clearSelection();
  if (deletions.length > 0)
    offerUndo(deletions.length === 1 ? "Request deleted" : `${deletions.length} requests deleted`, () =>
      Promise.all(deletions.map(({ id }) => api.undo(id))),
    );
}

export const requestActions = (id: string) => ({
  copyCurl: () => copyText(text(requestRoute(id, "code?as=curl")), "as curl"),
  copyRaw: () => copyText(text(requestRoute(id, "raw")), "as raw HTTP"),
  copyBody: () => copyText(text(requestRoute(id, "body?text=true")), "body"),
  copyHeaders: () => copyText(headers(id), "headers"),
  pin: (pinned: boolean) =>
    void attempt(
      api.markRequest(id, { pinned }).then(() => tell(pinned ? "Pinned: never deleted by retention" : "Unpinned")),
    ),
  remove: () =>
    void attempt(api.removeRequest(id).then((deletion) => offerUndo("Request deleted", () => api.undo(deletion.id)))),
});
