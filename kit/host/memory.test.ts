// The SDK leaks nothing: bodies, timers and calls over many streams, and many streams at once.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { amount } from "../../test/support/amount.js";
import { compileProbe } from "../../test/support/compile-probe.js";
import type { HeaderList } from "../traffic.js";
import { type HostedModule, loadModule } from "./load.js";
import { driveMemoryStreams } from "./memory-load.js";

const STREAMS = amount(20_000, 4_000);
const PLAIN: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
];

let folder: string;
let file: string;
let module: HostedModule;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-memory-"));
  file = path.join(folder, "memory.wasm");
  await compileProbe("test/probes/memory/index.ts", file);
});

beforeEach(() => {
  module = loadModule(file);
  expect(module.configure("")).toEqual({ accepted: true, logs: [] });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("many streams with bodies of 64 KiB, timers and calls take no more memory than a tenth of them", () => {
  driveMemoryStreams(module, STREAMS / 10);
  const pages = module.pages;
  driveMemoryStreams(module, STREAMS);
  expect(module.pages).toBe(pages);
  expect(module.httpCalls).toEqual([]);
}, 60_000);

test("many streams can be open at once, each with its own state, and free it", () => {
  const open = (count: number) => {
    const streams = Array.from({ length: count }, () => module.open(PLAIN));
    for (const [i, call] of module.httpCalls.entries()) {
      call.respond({ headers: [[":status", "200"]], body: `${i}:` });
    }
    expect(streams.some((stream) => stream.upstream.headerMap !== undefined)).toBe(false);
    module.advance(5);
    // Odd ones end before even ones.
    const ends = [...streams.filter((_, i) => i % 2 === 1), ...streams.filter((_, i) => i % 2 === 0)];
    for (const stream of ends) stream.requestBody("0123", true);
    streams.forEach((stream, i) => {
      expect(stream.upstream.text).toBe(`${i}:4\n0123`);
    });
    for (const stream of ends) stream.close();
  };
  open(STREAMS);
  const pages = module.pages;
  open(STREAMS);
  expect(module.pages).toBe(pages);
}, 60_000);
