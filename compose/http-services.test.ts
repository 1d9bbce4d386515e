import { expect, it } from "vitest";
import { z } from "zod";
import { defineFilter } from "../filters/descriptor.js";
import { httpServiceProblems } from "./http-services.js";

const remedy = (name: string) => `give ${name}`;

it("reports a missing service that an author's filter calls over HTTP", () => {
  const descriptor = defineFilter({
    name: "own",
    summary: "own",
    schema: z.unknown(),
    httpServices: () => [{ name: "keys", path: ["keys", "cluster"] }],
  });
  expect(httpServiceProblems({ descriptor, config: {} }, ["keys"], remedy)).toEqual([]);
  expect(httpServiceProblems({ descriptor, config: {} }, [], remedy)).toEqual([
    { path: ["keys", "cluster"], reason: 'there is no HTTP service "keys"; give keys' },
  ]);
});
