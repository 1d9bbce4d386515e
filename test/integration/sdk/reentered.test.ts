// A callback within another one: the host enters it during a host call of the first. What the first
// callback has read and made stays its own until it returns, and its host calls concern its own
// stream. Stock Envoy postpones such callbacks; the in-process host is made to enter them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HttpStream } from "../../../kit/host/http-stream.js";
import {
  type HeaderList,
  type HostedModule,
  hostProxy,
  loadModule,
  send,
  startEnvoy,
  startUpstream,
} from "../../../kit/index.js";
import { compileProbe } from "../../support/compile-probe.js";

/** Larger than the block that the module reserves for what the host returns. */
const LARGE = 200_000;
const TIMES = 20;
const PLAIN: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
];

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-reentered-"));
  file = path.join(folder, "reentered.wasm");
  await compileProbe("test/probes/reentered/index.ts", file);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

function headerOf(headers: HeaderList, name: string): string | undefined {
  return headers.find(([each]) => each === name)?.[1];
}

describe("a callback in which the host enters another one", () => {
  function reenter(module: HostedModule, outer: HeaderList, within: () => unknown) {
    let depth = 0;
    module.host.foreignFunctions.set("reenter", () => {
      if (depth++ === 0) within();
      return {};
    });
    return module.open([...PLAIN, ["x-outer", "mine"], ...outer], { endOfStream: true });
  }

  function start(): HostedModule {
    const module = loadModule(file);
    module.configure();
    return module;
  }

  test("keeps what it read from the host, small and large, and what it made", () => {
    const module = start();
    const large = "l".repeat(LARGE);
    const stream = reenter(module, [["x-large", large]], () => {
      for (let i = 0; i < TIMES; i++) module.open([...PLAIN, ["x-large", "o".repeat(LARGE)]]);
    });
    expect(headerOf(stream.requestHeaders, "x-read")).toBe("mine");
    expect(headerOf(stream.requestHeaders, "x-made")).toBe("note mine");
    expect(headerOf(stream.requestHeaders, "x-large-kept") === large).toBe(true);
  });

  test("makes its host calls about its own stream, and about the other one after it switches to that", () => {
    const module = start();
    const others: HttpStream[] = [];
    const stream = reenter(module, [], () => others.push(module.open(PLAIN)));
    const [other] = others;
    expect(headerOf(stream.requestHeaders, "x-read")).toBe("mine");
    expect(headerOf(stream.requestHeaders, "x-from-outer")).toBeUndefined();
    expect(other?.requestHeaders).toEqual([...PLAIN, ["x-from-outer", "hello"]]);
  });

  test("frees all of its memory when it ends, however often that happens", () => {
    const module = start();
    const once = () => {
      const others: HttpStream[] = [];
      const large = () => others.push(module.open([...PLAIN, ["x-large", "o".repeat(LARGE)]]));
      others.push(reenter(module, [["x-large", "l".repeat(LARGE)]], large));
      for (const stream of others) stream.close();
    };
    for (let i = 0; i < TIMES; i++) once();
    const { pages } = module;
    for (let i = 0; i < 10 * TIMES; i++) once();
    expect(module.pages).toBe(pages);
  });
});

describe("a local reply", () => {
  const ORDER = ["before the reply", "after the reply", "response headers"];

  test("is not reported to the filter within its own callback by stock Envoy", async () => {
    await using upstream = await startUpstream();
    await using envoy = await startEnvoy({
      filters: [{ name: "reentered", module: file }],
      upstreams: { upstream },
    });
    await send(envoy.url, { headers: [["x-reply", "1"]] });
    const said = () =>
      envoy
        .logs()
        .split("\n")
        .flatMap((line) => ORDER.filter((words) => line.includes(words)));
    await expect.poll(said).toEqual(ORDER);
  });

  test("nor by the in-process host", () => {
    const proxy = hostProxy({ filters: [{ name: "reentered", module: file }] });
    proxy.request({ headers: [["x-reply", "1"]] });
    expect(proxy.logs.map(({ text }) => text)).toEqual(ORDER);
  });
});
