// What `FilterRoot` promises, checked for every filter: a root without a configuration lets
// everything pass, also after its first configuration was refused, and the last good configuration
// serves on. The in-process host makes the roots, because Envoy gives a stream only to a root that
// it configured, and configures a root once. Other hosts of proxy-wasm do neither.

import { beforeAll, describe, expect, test } from "vitest";
import { FILTERS } from "../../../filters/catalog.js";
import { compiledModule } from "../../../kit/host/compiled.js";
import { Host, settingsOf } from "../../../kit/host/host.js";
import { HttpStream } from "../../../kit/host/http-stream.js";
import { RootContext } from "../../../kit/host/root-context.js";
import { Vm } from "../../../kit/host/vm.js";
import { filterModule, type HeaderList } from "../../../kit/index.js";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  ["x-api-key", "one"],
];
const RESPONSE: HeaderList = [
  [":status", "200"],
  ["content-length", "4"],
];
const REFUSED = '{"no such key": 1}';

/**
 * Two configurations of each filter, and how a stream under the first differs from one under the
 * second.
 */
interface Subject {
  readonly first: object;
  readonly second: object;
  readonly sign: (stream: HttpStream) => unknown;
  readonly signs: readonly [first: unknown, second: unknown];
}

const sent = (name: string) => (stream: HttpStream) =>
  stream.requestHeaders.find(([each]) => each === name)?.[1];
const answeredWith = (stream: HttpStream) => stream.localReply?.status;
/** Which of two headers the response has. */
const explained = (stream: HttpStream) =>
  stream.client.headerList.find(([name]) => ["x-first", "x-second"].includes(name))?.[0];

const routed = (destination: string) => ({ rules: [{ name: "all", match: {}, destination }] });
const aborted = (status: number) => ({ rules: [{ name: "all", abort: { status } }] });
const retried = (maxRetries: number) => ({ where: "downstream", budgets: [{ name: "all", maxRetries }] });
const broken = (status: number) => ({ rules: [{ name: "all", force: "open", answer: { status } }] });
const traced = (responseHeader: string) => ({ responseHeader });
const limited = (explainHeader: string) => ({
  explainHeader,
  rules: [{ name: "all", local: { limit: 100, unit: "hour" } }],
});

const timed = (time: string) => ({ rules: [{ name: "all", default: time }] });

const SUBJECTS: Readonly<Record<string, Subject>> = {
  "header-routing": {
    first: routed("v1"),
    second: routed("v2"),
    sign: sent("x-mesh-destination"),
    signs: ["v1", "v2"],
  },
  "fault-injection": { first: aborted(501), second: aborted(502), sign: answeredWith, signs: [501, 502] },
  "retry-budget": {
    first: retried(1),
    second: retried(2),
    sign: sent("x-envoy-max-retries"),
    signs: ["1", "2"],
  },
  "circuit-breaker": {
    first: broken(501),
    second: broken(502),
    sign: answeredWith,
    signs: [501, 502],
  },
  "rate-limit": {
    first: limited("x-first"),
    second: limited("x-second"),
    sign: explained,
    signs: ["x-first", "x-second"],
  },
  "trace-headers": {
    first: traced("x-first"),
    second: traced("x-second"),
    sign: explained,
    signs: ["x-first", "x-second"],
  },
  deadline: {
    first: timed("1s"),
    second: timed("2s"),
    sign: sent("x-request-timeout-ms"),
    signs: ["1000", "2000"],
  },
  fallback: {
    first: { explainHeader: "x-first", rules: [{ name: "all" }] },
    second: { explainHeader: "x-second", rules: [{ name: "all" }] },
    sign: explained,
    signs: ["x-first", "x-second"],
  },
  template: {
    first: { values: ["other"] },
    second: { values: ["one"] },
    sign: answeredWith,
    signs: [403, undefined],
  },
};

test("the list has every filter of the catalog, and the template", () => {
  expect(Object.keys(SUBJECTS).sort()).toEqual([...FILTERS.map(({ name }) => name), "template"].sort());
});

describe.each(Object.entries(SUBJECTS))("%s", (name, { first, second, sign, signs }) => {
  let path: string;

  beforeAll(async () => {
    path = await filterModule(name);
  }, 120_000);

  function start() {
    const host = new Host();
    const vm = new Vm(compiledModule(path), host, settingsOf({}), path);
    const root = new RootContext(vm, "plugin", "", false);
    root.create(Buffer.from(""));
    const configure = (document: object | string) =>
      root.configure(Buffer.from(typeof document === "string" ? document : JSON.stringify(document)));
    return { host, vm, root, configure };
  }

  function exchange(root: RootContext): HttpStream {
    const stream = new HttpStream(root, REQUEST, { endOfStream: true });
    if (stream.upstream.isWhole) {
      stream.responseHeaders(RESPONSE);
      stream.responseBody("sold", true);
    }
    stream.close();
    return stream;
  }

  function expectUntouched({ host, root }: ReturnType<typeof start>): void {
    const stream = exchange(root);
    expect(stream.localReply).toBeUndefined();
    expect(stream.upstream.headerList).toEqual(REQUEST);
    expect(stream.client.headerList).toEqual(RESPONSE);
    expect(stream.client.body.toString()).toBe("sold");
    expect([...host.metrics.values.values()].filter((value) => value > 0)).toEqual([]);
  }

  test("lets a stream that arrives before any configuration pass unchanged", () => {
    expectUntouched(start());
  });

  test("refuses its first configuration with one line, lets streams pass, and then accepts a good one", () => {
    const filter = start();
    expect(filter.configure(REFUSED)).toBe(false);
    expect(filter.vm.logs.map(({ text }) => text)).toEqual([
      expect.stringMatching(
        `^${name}: configuration refused: \\["no such key"\\]: unknown key; expected one of `,
      ),
    ]);
    expectUntouched(filter);
    expect(filter.configure(first)).toBe(true);
    expect(sign(exchange(filter.root))).toBe(signs[0]);
  });

  test("serves on with the last good configuration when a later one is refused", () => {
    const { root, configure } = start();
    expect(configure(first)).toBe(true);
    expect(configure(REFUSED)).toBe(false);
    expect(sign(exchange(root))).toBe(signs[0]);
    expect(sign(exchange(root))).toBe(signs[0]);
  });

  test("serves new streams with a later configuration, whatever contexts it made before", () => {
    const { root, configure } = start();
    expect(configure(first)).toBe(true);
    exchange(root);
    const early = new HttpStream(root, REQUEST);
    expect(configure(second)).toBe(true);
    early.close();
    expect(sign(exchange(root))).toBe(signs[1]);
    expect(sign(exchange(root))).toBe(signs[1]);
  });
});
