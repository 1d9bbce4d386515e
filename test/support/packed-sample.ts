// A module for tests of images: no real one, so that its digests never change.

import type { Maker, PackedModule } from "../../oci/facts/packed-module.js";
import { digestOf } from "../../oci/image/descriptor.js";

/** Bytes that look like a module's to a compressor: some repeat, some do not. */
export function sampleBytes(length = 60_000): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = i % 97 < 60 ? (state >>> 16) & 0x1f : (i >>> 3) & 0xff;
  }
  return bytes;
}

export const SAMPLE_MAKER: Maker = { version: "9.8.7", compiler: "0.28.14" };

export function sampleModule(change: Partial<PackedModule> = {}): PackedModule {
  const bytes = change.bytes ?? sampleBytes();
  return {
    name: "edge",
    summary: "bundle of trace-headers, mine",
    bytes,
    digest: digestOf(bytes),
    filters: ["trace-headers", "mine"],
    leftOut: [],
    abi: "0.2.1",
    schema: '{"title":"edge: bundle of trace-headers, mine"}',
    origin: {
      version: "1.2.3+4",
      licence: "MIT OR Apache-2.0",
      source: "https://git.example/shop/edge",
      revision: "0123456789abcdef0123456789abcdef01234567",
    },
    materials: {
      sources: [
        { name: "filters/mine/index.ts", sha256: "aa".repeat(32) },
        { name: "~lib/array.ts", sha256: "bb".repeat(32) },
      ],
      packages: [
        { name: "@shop/rules", version: "2.0.0", licence: "see LICENSE" },
        { name: "assemblyscript", version: "0.28.14", licence: "Apache-2.0" },
      ],
      own: ["filters/mine/index.ts"],
    },
    ...change,
  };
}
