import { expect, it } from "vitest";
import { accessProblems } from "./access-checks.js";

const allow = (...rules: readonly object[]) => ({ allow: rules });
const deny = (...rules: readonly object[]) => ({ deny: rules });
const CLOSED = { access: { denyByDefault: true } };

/** What is said of the rules of `web`, in a mesh with `api`. */
function problems(web: object, mesh: object = {}): readonly string[] {
  const found = accessProblems({ name: "shop", services: { web, api: {} }, ...mesh } as never);
  return found.map(({ path, reason }) => `${path.join(".")}: ${reason}`);
}

it("takes rules that part from each other", () => {
  const web = {
    ...allow({ from: "api", methods: ["GET"] }, { from: "*", paths: ["/open"] }),
    ...deny({ from: "api" }, { from: "*", paths: ["/"] }, { from: "gateway", methods: ["PUT"] }),
  };
  expect(problems(web)).toEqual([]);
  expect(problems(allow({ from: "gateway" }), CLOSED)).toEqual([]);
});

it("says who may have been meant by a caller that there is not", () => {
  expect(problems(deny({ from: "apii" }))).toEqual([
    'services.web.deny.0.from: nobody is called "apii"; did you mean "api"?',
  ]);
  expect(problems(deny({ from: "elsewhere" }))).toEqual([
    'services.web.deny.0.from: nobody is called "elsewhere"; there is web, api, gateway, *',
  ]);
});

it.each([
  ["everything", { from: "api" }, { from: "api" }, "api"],
  ["a path", { from: "*", paths: ["/a", "/b"] }, { from: "*", paths: ["/b"] }, "everybody at /b"],
  ["every path", { from: "api", paths: ["/"] }, { from: "api" }, "api"],
  ["a method", { from: "api", methods: ["GET", "PUT"] }, { from: "api", methods: ["PUT"] }, "api"],
])("tells two rules that say the opposite of %s", (_what, one, other, whom) => {
  expect(problems({ ...allow({ from: "gateway" }, one), ...deny(other) })).toEqual([
    `services.web.deny.0: says the opposite of allow[1] for ${whom}: remove one of the two`,
  ]);
});

it("tells an allow without anything that refuses", () => {
  expect(problems(allow({ from: "api" }))).toEqual([
    "services.web.allow: allows what nothing refuses: set access.denyByDefault: true, or refuse others by a rule of deny",
  ]);
});

it("tells rules that cannot know who calls, or can be passed", () => {
  const off = { identity: { mode: "off" } };
  const reason = "needs to know who calls, and identity.mode is off: make it strict";
  expect(problems(deny({ from: "api" }), off)).toEqual([`services.web.deny: ${reason}`]);
  expect(problems({}, { ...off, ...CLOSED })).toEqual([`access.denyByDefault: ${reason}`]);
  expect(problems(deny({ from: "*", paths: ["/a"] }), { listeners: { mergeSlashes: false } })).toEqual([
    "services.web.deny.0.paths: can be passed by //, because listeners.mergeSlashes is false: leave that out",
  ]);
});
