import { expect, test } from "vitest";

import { jwtParts } from "./jwt";

const bytes = (text: string) => new TextEncoder().encode(text);
/** The example of RFC 7519 §3.1. */
const TOKEN =
  "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

test("decodes the token of RFC 7519", () => {
  const parts = jwtParts(bytes(`${TOKEN}\n`))!.map(([name, json]) => [
    name,
    JSON.parse(new TextDecoder().decode(json)),
  ]);
  expect(parts).toEqual([
    ["Header", { typ: "JWT", alg: "HS256" }],
    ["Claims", { iss: "joe", exp: 1300819380, "http://example.com/is_root": true }],
  ]);
});

test("returns undefined for anything else", () => {
  for (const text of ["", "eyJ", "eyJ.a", "{}", `${TOKEN}.x`, "eyJhbGciOiJub.eyJ.x", "ey.ey.ey"])
    expect(jwtParts(bytes(text)), text).toBeUndefined();
});
