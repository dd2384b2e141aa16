import { useEffect, useRef } from "react";

import { provide, type CommandId } from "./commands";

/** Registers commands while a component is mounted. Each command runs the function of the last render. */
export function useCommands(commands: Partial<Record<CommandId, (keys?: string) => void>>): void {
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  const ids = Object.keys(commands).join();
  useEffect(
    () =>
      provide(
        Object.fromEntries(
          (ids ? ids.split(",") : []).map((id) => [id, (keys?: string) => latest.current[id as CommandId]?.(keys)]),
        ),
      ),
    [ids],
  );
}
