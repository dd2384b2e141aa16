/** Copies text to the clipboard and saves responses to files, each with a message. */
import { platform } from "../platform";
import { attempt, tell } from "./toasts";

/** Copies a text; `what` names it in the message. */
export const copyText = (text: string | Promise<string>, what: string): void =>
  void attempt(
    Promise.resolve(text)
      .then((now) => platform.copyText(now))
      .then(() => tell(`Copied ${what}`)),
  );

/** Saves the response of a route under a name that the person may change. */
export const saveFile = (route: string, name: string): void =>
  void attempt(platform.saveTo(route, name).then((saved) => saved && tell(`Saved ${saved}`)));
