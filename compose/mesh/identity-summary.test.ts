import { expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { identityLines } from "./identity-summary.js";
import { meshSchema } from "./schema.js";

const web = { versions: { v1: { command: "x" } } };

function lines(changes: object, url?: string): readonly string[] {
  const gateway = { routes: [{ prefix: "/", service: "web" }] };
  const services = { web: { ...web, calls: ["api"] }, api: web };
  return identityLines(meshSchema(FILTERS).parse({ name: "shop", gateway, services, ...changes }), url);
}

it("says how Envoys speak, and which call is refused", () => {
  expect(lines({}, "http://127.0.0.1:1234")).toEqual([
    "calls between Envoys are mutual TLS in mesh.local, with new certificates every 1h",
    "refused: curl http://127.0.0.1:1234/",
  ]);
  expect(lines({ identity: { mode: "permissive", trustDomain: "a.b", rotate: "5m" } }, "http://x")).toEqual([
    "calls between Envoys are mutual TLS, and sidecars take plain calls too in a.b, with new certificates every 5m",
  ]);
  expect(lines({ identity: { mode: "off" } })).toEqual(["calls between Envoys are plain"]);
});

it("says each service's rules, and the calls of the file that no rule allows", () => {
  const rules = {
    allow: [{ from: "web", methods: ["GET"], paths: ["/a"] }],
    deny: [{ from: "*", dryRun: true }],
  };
  const services = { web: { ...web, calls: ["api"] }, api: { ...web, ...rules } };
  expect(lines({ services, access: { denyByDefault: true } }).slice(1)).toEqual([
    "a call that no rule allows is refused",
    "api: allow web (GET /a); deny everybody else, only counted",
    "gateway calls web, and no rule allows it: services.web.allow",
  ]);
});
