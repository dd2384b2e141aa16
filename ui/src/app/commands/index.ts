export { CommandItems, CommandMenu } from "./command-menu";
export {
  COMMANDS,
  allKeys,
  available,
  firstKeys,
  keysText,
  onAvailable,
  perform,
  titleOf,
  type CommandId,
} from "./commands";
export { CommandContextMenu, type CommandItem } from "./context-menu";
export { listenForKeys } from "./keys";
export { useCommands } from "./use-commands";
