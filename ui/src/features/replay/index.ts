export { ReplayDialog } from "./replay-dialog";
export { type Replayed } from "./replay-form";
export { ReplaysPage } from "./replays-page";
