import { expect, test, vi } from "vitest";

vi.stubGlobal("navigator", { userAgent: "Linux" });
const { COMMANDS, keysText, perform, provide } = await import("./commands");
const { strokeOf } = await import("./keys");

test("every command has a title and a unique key", () => {
  const keys = COMMANDS.flatMap((command) => command.keys as readonly string[]);
  expect(new Set(keys).size).toBe(keys.length);
  for (const command of COMMANDS) expect(command.title && command.keys.length, command.id).toBeTruthy();
});

test("the last registered handler of a command runs", () => {
  const first = vi.fn(),
    second = vi.fn();
  provide({ pin: first });
  const end = provide({ pin: second });
  expect(perform("pin")).toBe(true);
  end();
  perform("pin");
  expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  expect(perform("clear")).toBe(false);
});

test("formats key strokes as in the command table", () => {
  const stroke = (key: string, more = {}) =>
    strokeOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });
  expect(stroke("k", { ctrlKey: true })).toBe("Mod+k");
  expect(stroke("?", { shiftKey: true })).toBe("?");
  expect(stroke("R", { shiftKey: true })).toBe("Shift+R");
  expect(stroke("Delete", { shiftKey: true })).toBe("Shift+Delete");
  expect(stroke("+", { ctrlKey: true, shiftKey: true })).toBe("Mod++");
  expect(keysText("Mod++")).toBe("Ctrl++");
  expect(keysText("g i")).toBe("G I");
});
