export { ReplayDialog, type Replayed } from "./replay-dialog";
export { ReplaysPage } from "./replays-page";
