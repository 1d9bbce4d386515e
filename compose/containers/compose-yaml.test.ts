import { expect, test } from "vitest";
import { parse } from "yaml";
import { composeYaml } from "./compose-yaml.js";

test("a project of many services that are alike is written, each by an alias", () => {
  const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
  const text = composeYaml(
    {
      name: "many",
      shared: { app: { own: { image: "app:1" } } },
      services: Object.fromEntries(names.map((name) => [name, { like: "app", own: { user: "101" } }])),
      networks: {},
    },
    ["many"],
  );
  const { services } = parse(text, { merge: true, maxAliasCount: -1 });
  expect(Object.keys(services)).toEqual(names);
  expect(services.s199).toEqual({ image: "app:1", user: "101" });
});
