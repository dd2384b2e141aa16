/** Text to the clipboard and answers into files, each with the message that says so. */
import { platform } from "../platform";
import { attempt, tell } from "./toasts";

/** Copies a text; `what` names it in the message. */
export const copyText = (text: string | Promise<string>, what: string): void =>
  void attempt(
    Promise.resolve(text)
      .then((now) => platform.copyText(now))
      .then(() => tell(`Copied ${what}`)),
  );

/** Saves what a route answers under a name the person may change. */
export const saveFile = (route: string, name: string): void =>
  void attempt(platform.saveTo(route, name).then((saved) => saved && tell(`Saved ${saved}`)));
