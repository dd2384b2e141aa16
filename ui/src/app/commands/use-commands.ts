import { useEffect, useRef } from "react";

import { provide, type CommandId } from "./commands";

/** Registers commands while a component is mounted. Each command runs the function of the last render. */
export function useCommands(commands: Partial<Record<CommandId, () => void>>): void {
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  const ids = Object.keys(commands).join();
  useEffect(
    () =>
      provide(
        Object.fromEntries((ids ? ids.split(",") : []).map((id) => [id, () => latest.current[id as CommandId]?.()])),
      ),
    [ids],
  );
}
