import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";

import document from "../../openapi.json?raw";

test("the API description is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const found = await validator.validate(JSON.parse(document) as Record<string, unknown>);
  expect(found.errors ?? []).toEqual([]);
  expect([found.valid, validator.version]).toEqual([true, "3.1"]);
});
