// The bytes that the filter keeps in shared data and with a request. A test that fails here says
// that a layout has changed: raise the layout's version in its source, then write down the new keys
// and bytes.

import { beforeAll, expect, test } from "vitest";
import type { HeaderList } from "../../kit/traffic.js";
import { deadlineProxies } from "../../test/support/deadline-proxy.js";
import { layout, predictable, sharedLayout } from "../../test/support/shared-layout.js";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  ["grpc-timeout", "1S"],
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
];
const SEED = layout(16, "07".repeat(16));

let path: string;

beforeAll(async () => {
  ({ module: path } = await deadlineProxies());
}, 120_000);

test("a trace: its id in two halves, and four times a moment and how many requests have it", () => {
  const module = predictable(path);
  expect(module.configure({ trace: "inbound" }).accepted).toBe(true);
  module.open(REQUEST, { endOfStream: true });
  const id = "a64db377352ff94b 36470e0e9d92cea3";
  expect(sharedLayout(module)).toEqual({
    "5:rules,4:seed,1:1,": SEED,
    dl3P3yAUoIbeAA: layout(1024, id, "006a536c46030000 01000000"),
  });
});

test("a request's moment: nanoseconds of the monotonic clock", () => {
  const module = predictable(path);
  expect(module.configure({}).accepted).toBe(true);
  const kept = module.open(REQUEST, { endOfStream: true }).setProperties.get("meshwright.deadline.1");
  expect(Buffer.from(kept ?? []).toString("hex")).toBe(layout(8, "006a536c46030000"));
});
