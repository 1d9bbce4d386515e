import { expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { FigureBook, sumFigures } from "./figures.js";
import { meshSchema } from "./schema.js";

const SCHEMA = meshSchema(FILTERS);

it("adds up the counts of several Envoys for each version", () => {
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: { front: { versions: { v1: { command: "x" }, v2: { command: "x" } } } },
  });
  const one = new Map([
    ["cluster.front_v1.upstream_rq_completed", 5],
    ["cluster.front_v1.upstream_rq_2xx", 4],
    ["cluster.front_v1.upstream_rq_5xx", 1],
    ["cluster.app.upstream_rq_completed", 99],
  ]);
  const other = new Map([["cluster.front_v1.upstream_rq_completed", 2]]);
  expect(sumFigures(mesh, [one, other])).toEqual([
    { service: "front", version: "v1", requests: 7, ok: 4, clientErrors: 0, serverErrors: 1 },
    { service: "front", version: "v2", requests: 0, ok: 0, clientErrors: 0, serverErrors: 0 },
  ]);
});

it("counts the connections of a service that speaks no HTTP", () => {
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: {
      front: { versions: { v1: { command: "x" } } },
      db: { protocol: "tcp", versions: { v1: { command: "x" } } },
    },
  });
  const stats = new Map([
    ["cluster.db_v1.upstream_cx_total", 5],
    ["cluster.db_v1.upstream_cx_connect_fail", 2],
    ["cluster.front_v1.upstream_cx_total", 9],
  ]);
  expect(sumFigures(mesh, [stats])).toEqual([
    { service: "front", version: "v1", requests: 0, ok: 0, clientErrors: 0, serverErrors: 0 },
    { service: "db", version: "v1", requests: 5, ok: 3, clientErrors: 0, serverErrors: 2 },
  ]);
});

it("keeps what an Envoy counted before it ended, and the last counts of one that does not answer", async () => {
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: { front: { versions: { v1: { command: "x" } } } },
  });
  const book = new FigureBook();
  const requests = async (counts: Readonly<Record<string, number | undefined>>) => {
    const admins = Object.entries(counts).map(([name, count]) => {
      const stats = async () => {
        if (count === undefined) throw new Error("gone");
        return new Map([["cluster.front_v1.upstream_rq_completed", count]]);
      };
      return [name, { stats }] as const;
    });
    return (await book.read(mesh, admins))[0]?.requests;
  };
  expect(await requests({ one: 5, other: 1 })).toBe(6);
  expect(await requests({ one: 7, other: undefined })).toBe(8);
  expect(await requests({ other: 2 })).toBe(9);
  expect(await requests({ one: undefined, other: 2 })).toBe(9);
  expect(await requests({ one: 3, other: 2 })).toBe(12);
  expect(await requests({ one: 0, other: 2 })).toBe(12);
  expect(await requests({})).toBe(12);
});

it.each([
  // What Envoy counted, and what the table says: 2xx, 4xx, 5xx.
  ["a call that was answered well", { "2xx": 1, grpc0: 1 }, [1, 0, 0]],
  ["a 200 around UNAVAILABLE", { "2xx": 3, grpc14: 1, grpc0: 2 }, [2, 0, 1]],
  ["a 200 around NOT_FOUND", { "2xx": 2, grpc5: 2 }, [0, 2, 0]],
  ["Envoy's own 503, which is UNAVAILABLE too", { "5xx": 2, grpc14: 2 }, [0, 0, 2]],
  ["both kinds of failure", { "2xx": 3, "5xx": 2, grpc14: 4, grpc3: 1 }, [0, 1, 4]],
  ["a 500 without a status of gRPC", { "2xx": 1, "5xx": 2 }, [1, 0, 2]],
  ["a stream that goes on", { "2xx": 1 }, [1, 0, 0]],
])("counts gRPC by its own statuses: %s", (_what, counts, [ok, clientErrors, serverErrors]) => {
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "stock" }] },
    services: { stock: { protocol: "grpc", versions: { v1: { command: "x" } } } },
  });
  const stats = Object.entries(counts).map(([key, count]): [string, number] => [
    `cluster.stock_v1.${key.replace(/^grpc/, "grpc.").replace(/^(?=\d)/, "upstream_rq_")}`,
    count,
  ]);
  const others: [string, number][] = [
    ["cluster.stock_v1.grpc.total", 9],
    ["cluster.stock_v10.grpc.14", 9],
  ];
  expect(sumFigures(mesh, [new Map([...stats, ...others])])).toMatchObject([
    { ok, clientErrors, serverErrors },
  ]);
});
