// The figures on circuit-breaker's page about its rules.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tripTable } from "./table.js";

const PAGE = new URL("../../filters/circuit-breaker/README.md", import.meta.url);

test("the page's table is what its script writes", async () => {
  const table = await tripTable();
  expect(readFileSync(PAGE, "utf8")).toContain(table.join("\n"));
}, 120_000);
