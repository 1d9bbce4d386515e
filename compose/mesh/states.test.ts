import { expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { FigureBook } from "./figures.js";
import { meshSchema } from "./schema.js";
import { stateGauges, statePattern } from "./states.js";

const breaker = (name: string) => ({ filter: "circuit-breaker", config: { rules: [{ name }] } });
const MESH = meshSchema(FILTERS).parse({
  name: "shop",
  gateway: { routes: [{ prefix: "/", service: "front" }] },
  services: {
    front: { versions: { v1: { command: "x" } }, calls: ["pay"], filters: [breaker("front")] },
    other: { versions: { v1: { command: "x" } }, calls: ["pay"] },
    pay: { versions: { v1: { command: "x" }, v2: { command: "x" } }, filters: [breaker("p.1")] },
  },
});
const gauge = (rule: string, state: string) =>
  `wasmcustom.meshwright.circuit_breaker.circuits;rule=${rule};state=${state}`;

type Counts = Readonly<Record<string, number>>;

/** What the table says after Envoys answered so; one that is undefined does not answer. */
async function states(book: FigureBook, answers: Readonly<Record<string, Counts | undefined>>) {
  const admins = Object.entries(answers).map(([name, counts]) => {
    const stats = async (pattern?: string) => {
      if (counts === undefined) throw new Error("gone");
      return new Map(Object.entries(counts).filter(([each]) => new RegExp(pattern ?? "").test(each)));
    };
    return [name, { stats }] as const;
  });
  const figures = await book.read(MESH, admins);
  return figures.map(({ service, version, state }) => [`${service} ${version}`, state]);
}

it("says what holds before each service, from the Envoys that call it", async () => {
  const found = await states(new FigureBook(), {
    gateway: { [gauge("front", "half-open")]: 1, [gauge("p.1", "open")]: 7 },
    front_v1: { [gauge("p.1", "open")]: 2 },
    other_v1: { [gauge("p.1", "open")]: 1, [gauge("p.1", "half-open")]: 1, [gauge("pX1", "open")]: 9 },
  });
  expect(found).toEqual([
    ["front v1", "front half-open"],
    ["other v1", undefined],
    ["pay v1", "p.1 open (3), p.1 half-open"],
    ["pay v2", "p.1 open (3), p.1 half-open"],
  ]);
});

it("forgets a state that is over, and those of an Envoy that does not answer; counts stay", async () => {
  const book = new FigureBook();
  const requests = { "cluster.pay_v1.upstream_rq_completed": 5 };
  await states(book, { front_v1: { ...requests, [gauge("p.1", "open")]: 1 } });
  const [, , closed] = await states(book, { front_v1: { ...requests, [gauge("p.1", "open")]: 0 } });
  expect(closed).toEqual(["pay v1", ""]);
  const figures = await book.read(MESH, []);
  expect(figures.find(({ service }) => service === "pay")).toMatchObject({ requests: 5, state: "" });
});

it("asks Envoy for these gauges alone, and for none where no filter has states", () => {
  const pattern = new RegExp(`^(${statePattern(stateGauges(MESH))})$`);
  expect(gauge("p.1", "open")).toMatch(pattern);
  expect(gauge("pX1", "open")).not.toMatch(pattern);
  expect(statePattern([])).toBeUndefined();
});
