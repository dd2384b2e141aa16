/** Actions on a request. */
import { api, requestRoute, text, type Summary } from "../../api/client";
import { clearSelection } from "./selection";
import { attempt, offerUndo, tell } from "../../ui/toasts";
import { count } from "../../ui/format";
import { copyText } from "../../ui/transfer";

const headers = async (id: string): Promise<string> =>
  (await api.request(id)).headers.map(({ name, value }) => `${name}: ${value}`).join("\n");

const curl = (id: string): Promise<string> => text(requestRoute(id, "code?as=curl"));

const amount = (number: number): string => (number === 1 ? "Request" : `${count(number)} requests`);

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
    offerUndo(`${amount(deletions.length)} deleted`, () => Promise.all(deletions.map(({ id }) => api.undo(id))));
}

/** Marks requests, one after another. */
async function mark(ids: readonly string[], marks: { pinned?: boolean; read?: boolean }): Promise<void> {
  for (const id of ids) await api.markRequest(id, marks);
}

/** Pins the selected requests, or unpins them if all of them are pinned. */
export async function pinSelected(ids: readonly string[], rows: readonly Summary[]): Promise<void> {
  const pinned = !rows.every((row) => row.pinned);
  const changed = rows.filter((row) => row.pinned !== pinned).map(({ id }) => id);
  const wanted = rows.length === ids.length ? changed : ids;
  await attempt(mark(wanted, { pinned }));
  if (wanted.length > 0)
    offerUndo(`${amount(wanted.length)} ${pinned ? "pinned" : "unpinned"}`, () => mark(wanted, { pinned: !pinned }));
}

/** Marks the selected requests as read. */
export async function readSelected(ids: readonly string[]): Promise<void> {
  await attempt(mark(ids, { read: true }));
  tell(`${amount(ids.length)} marked as read`);
}

/** Copies the selected requests as curl commands, with an empty line between them. */
export const copySelected = (ids: readonly string[]): void =>
  copyText(
    Promise.all(ids.map(curl)).then((commands) => commands.map((one) => one.trim()).join("\n\n") + "\n"),
    `${amount(ids.length).toLowerCase()} as curl`,
  );

export const requestActions = (id: string) => ({
  copyCurl: () => copyText(curl(id), "as curl"),
  copyRaw: () => copyText(text(requestRoute(id, "raw")), "as raw HTTP"),
  copyBody: () => copyText(text(requestRoute(id, "body?text=true")), "body"),
  copyHeaders: () => copyText(headers(id), "headers"),
  pin: (pinned: boolean) =>
    void attempt(
      api
        .markRequest(id, { pinned })
        .then(() =>
          offerUndo(pinned ? "Pinned: never deleted by retention" : "Unpinned", () =>
            api.markRequest(id, { pinned: !pinned }),
          ),
        ),
    ),
  remove: () =>
    void attempt(api.removeRequest(id).then((deletion) => offerUndo("Request deleted", () => api.undo(deletion.id)))),
});
