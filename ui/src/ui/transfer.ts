/** Functions that copy text to the clipboard and save responses to files, each with a toast. */
import { platform } from "../platform";
import { attempt, tell } from "./toasts";

/** Copies a text. `what` names it in the toast. */
export const copyText = (text: string | Promise<string>, what: string): void =>
  void attempt(
    Promise.resolve(text)
      .then((now) => platform.copyText(now))
      .then(() => tell(`Copied ${what}`)),
  );

/** Saves the response of a route to a file. The user may change the suggested name. */
export const saveFile = (route: string, name: string): void =>
  void attempt(platform.saveTo(route, name).then((saved) => saved && tell(`Saved ${saved}`)));
