export { CommandMenu } from "./command-menu";
export { COMMANDS, available, firstKeys, keysText, perform } from "./commands";
export { listenForKeys } from "./keys";
export { useCommands } from "./use-commands";
