import { describe, expect, it } from "vitest";
import { checkValue, formatProblem } from "../../envoy/problems.js";
import { FILTERS } from "../../filters/catalog.js";
import { meshSchema } from "./schema.js";

const SCHEMA = meshSchema(FILTERS);

const cors = (routes?: readonly object[]) => ({
  filter: "native",
  ...(routes === undefined ? {} : { routes }),
  config: { name: "cors", typed_config: { "@type": "type.googleapis.com/a.b.Cors" } },
});
const fault = (routes?: readonly object[], where = "downstream") => ({
  filter: "fault-injection",
  ...(routes === undefined ? {} : { routes }),
  config: { where, rules: [] },
});

/** What is wrong with a mesh whose gateway has these filters. */
function problems(filters: readonly object[], rest: object = {}): string[] {
  const checked = checkValue(
    {
      name: "shop",
      gateway: {
        routes: [
          { name: "login", prefix: "/web/login", service: "web" },
          { prefix: "/web", service: "web" },
          { prefix: "/api", service: "api" },
        ],
        filters,
      },
      services: {
        web: { versions: { v1: { command: "x" } } },
        api: { versions: { v1: { command: "x" } } },
      },
      ...rest,
    },
    SCHEMA,
  );
  return checked.ok ? [] : checked.problems.map(formatProblem);
}

describe("routes of a filter", () => {
  it.each([
    [[{ prefix: "/api" }]],
    [[{ prefix: "/" }]],
    [[{ prefix: "/api/v1/x" }, { prefix: "/web" }, { prefix: "/web/a", disabled: true }]],
    [[{ name: "login" }]],
    [[{ name: "web" }, { name: "login", disabled: true }]],
  ])("may be %j", (routes) => {
    expect(problems([fault(routes)])).toEqual([]);
  });

  it.each<[readonly object[], string]>([
    [[], "[]: must name at least one route; without this key the filter runs on all of them"],
    [[{}], "[0]: needs exactly one of prefix, name"],
    [[{ prefix: "/api", name: "login" }], "[0]: needs exactly one of prefix, name"],
    [[{ prefix: "api" }], '[0].prefix: must begin with "/"'],
    [[{ prefix: "/api?x=1" }], '[0].prefix: has "?", "#" or a space; a route\'s path ends before the query'],
    [
      [{ prefix: "/api/../web" }],
      '[0].prefix: has "/./" or "/../", which Envoy resolves before it looks for a route',
    ],
    [[{ prefix: "/api//v1" }], '[0].prefix: has "//", and listeners make one slash of it before'],
    [
      [{ prefix: "/nothing" }],
      "[0].prefix: no route of the gateway takes such a path; there is /web/login, /web, /api",
    ],
    [[{ name: "lgin" }], '[0].name: there is no route "lgin" at the gateway; did you mean "login"?'],
    [[{ name: "x" }], '[0].name: there is no route "x" at the gateway; there is login, web, api'],
    [[{ prefix: "/api" }, { prefix: "/api" }], '[1].prefix: means "/api", as routes[0] does'],
    [[{ prefix: "/web/login" }, { name: "login" }], '[1].name: means "/web/login", as routes[0] does'],
    [
      [{ prefix: "/api", disabled: true }],
      "[]: names no route on which the filter runs; begin with { prefix: / }",
    ],
    [[{ prefix: "/api", enabled: true }], "[0].enabled: unknown key; expected one of prefix, name, disabled"],
  ])("must not be %j", (routes, problem) => {
    const place = `gateway.filters[0].routes${problem.replace(/^\[\]/, "")}`;
    expect(problems([fault(routes)])).toEqual([place]);
  });

  it("may name routes at the gateway alone", () => {
    const use = fault([{ name: "login" }]);
    const wide = (...at: string[]) => problems([], { filters: [{ ...use, at }] });
    expect(wide("gateway")).toEqual([]);
    expect(wide("gateway", "outbound")).toEqual([
      "filters[0].routes[0].name: is for a filter at the gateway alone; give a prefix here",
    ]);
    const services = {
      web: { versions: { v1: { command: "x" } } },
      api: { versions: { v1: { command: "x" } }, filters: [use] },
    };
    expect(problems([], { services })).toEqual([
      "services.api.filters[0].routes[0].name: is for a filter at the gateway alone; give a prefix here",
    ]);
  });
});

describe("two settings of one filter", () => {
  it("may be for two routes, two chains or two places", () => {
    expect(problems([fault([{ prefix: "/api" }]), fault([{ prefix: "/web" }])])).toEqual([]);
    expect(problems([fault([{ prefix: "/web" }]), fault([{ prefix: "/web" }], "upstream")])).toEqual([]);
    expect(problems([fault(), fault()])).toEqual([]);
    expect(
      problems([fault([{ prefix: "/" }, { name: "login", disabled: true }]), fault([{ name: "login" }])]),
    ).toEqual([]);
    const filters = [
      { ...fault([{ prefix: "/a" }]), at: ["inbound"] },
      { ...fault([{ prefix: "/a" }]), at: ["outbound"] },
    ];
    expect(problems([], { filters })).toEqual([]);
  });

  it.each([
    [
      fault([{ prefix: "/web" }]),
      fault([{ name: "login" }]),
      '[1].routes: on "/web/login" filters[0] has other settings of fault-injection; add { prefix: "/web/login", disabled: true } to the routes of one of them',
    ],
    [
      fault(),
      fault([{ prefix: "/api" }]),
      '[1].routes: on "/api" filters[0] has other settings of fault-injection; give filters[0] routes: [{ prefix: / }, { prefix: "/api", disabled: true }]',
    ],
    [
      fault([{ prefix: "/api" }]),
      fault(),
      '[1]: on "/api" filters[0] has other settings of fault-injection; give filters[1] routes: [{ prefix: / }, { prefix: "/api", disabled: true }]',
    ],
    [
      fault([{ prefix: "/api" }]),
      fault([{ prefix: "/api" }]),
      '[1].routes: on "/api" filters[0] has other settings of fault-injection; keep it in one of the two',
    ],
    [
      cors(),
      cors([{ prefix: "/api" }]),
      "[1].config.name: is the name of filters[0] too; filters by route are told apart by their names",
    ],
  ])("must not meet", (first, second, problem) => {
    expect(problems([first, second])).toEqual([`gateway.filters${problem}`]);
  });

  it("may be two choices of a destination where they do not meet", () => {
    const choice = (prefix: string) => ({
      filter: "header-routing",
      routes: [{ prefix }],
      config: { rules: [{ name: "all", destination: "v1" }] },
    });
    const services = (...filters: object[]) => ({
      services: {
        web: { versions: { v1: { command: "x" } }, filters },
        api: { versions: { v1: { command: "x" } } },
      },
    });
    expect(problems([], services(choice("/a"), choice("/b")))).toEqual([]);
    expect(problems([], services(choice("/a"), choice("/a/b")))).toHaveLength(1);
  });
});

it("gives a route of the gateway one name", () => {
  const gateway = (...routes: object[]) => ({ gateway: { routes } });
  const [a, b] = [
    { prefix: "/a", service: "web" },
    { prefix: "/b", service: "api" },
  ];
  expect(problems([], gateway({ ...a, name: "one" }, { ...b, name: "two" }))).toEqual([]);
  expect(problems([], gateway({ ...a, name: "one" }, { ...b, name: "one" }))).toEqual([
    "gateway.routes[1].name: is the name of routes[0] too",
  ]);
  expect(problems([], gateway({ ...a, name: "api" }, b))).toEqual([
    'gateway.routes[0].name: is the name of the route to the service "api", which has no other name',
  ]);
});
