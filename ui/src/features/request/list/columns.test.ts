import { expect, test } from "vitest";

import { layoutOf } from "./columns";

const one = { isAll: false, hasSnippets: false };
const shown = (width: number, hidden: string[] = [], of = one) => [...layoutOf(width, hidden, of).shown];

test("folds columns by the width of the list", () => {
  expect(shown(900)).toEqual(["subject", "path", "app", "response", "size"]);
  expect(shown(640)).toEqual(["subject", "app", "response", "size"]);
  expect(shown(580)).toEqual(["subject", "app", "response", "size"]);
  expect(shown(480)).toEqual(["subject", "app", "response"]);
  expect(shown(400)).toEqual(["subject", "app"]);
  expect(layoutOf(480, [], one).template).toBe("8px 84px minmax(0,1fr) 44px 60px 58px");
  expect(layoutOf(340, [], one).template).toBe("8px 20px minmax(0,1fr) 44px 38px");
});

test("hides columns that the user hides, and shows the inbox only in a list of all", () => {
  expect(shown(900, ["path", "size"])).toEqual(["subject", "app", "response"]);
  expect(shown(620, [], { isAll: true, hasSnippets: false })).toEqual(["subject", "inbox", "app", "response"]);
  expect(shown(420, [], { isAll: true, hasSnippets: false })).toEqual(["subject", "app", "response"]);
  expect(layoutOf(420, [], { isAll: true, hasSnippets: false }).withInbox).toBe(true);
  expect(layoutOf(620, [], { isAll: true, hasSnippets: false }).withInbox).toBe(false);
  expect(shown(900, [], { isAll: true, hasSnippets: true })).toEqual(["inbox", "app", "response"]);
});
