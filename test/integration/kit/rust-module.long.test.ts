// One module from the Rust SDK, in process and in stock Envoy: the client, the upstream, the log
// and the metrics must get the same.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import type { ClientRequest, UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { buildCrate } from "../../support/rust-crate.js";
import { isMissing, needs } from "../../support/tools.js";
import { BothProxies } from "./both-proxies.js";

let folder: string;
let both: BothProxies;

function respond({ path, body }: UpstreamRequest): UpstreamResponse {
  const isCall = path === "/called";
  return {
    status: isCall ? 202 : 200,
    headers: [["content-type", "text/plain"]],
    body: isCall ? `heard ${body}` : `got ${body}`,
  };
}

async function start(): Promise<void> {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-rust-"));
  const module = await buildCrate(path.join(PACKAGE_ROOT, "test", "probes", "rust"), folder);
  both = await BothProxies.start({ name: "rust", module, configuration: "gate,3", respond });
}

async function stop(): Promise<void> {
  await both?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

const request = (command: string, more: ClientRequest = {}): ClientRequest => ({
  path: "/here?q=1",
  ...more,
  headers: [["host", "shop.test"], ["x-do", command], ...(more.headers ?? [])],
});

const REQUESTS: Readonly<Record<string, ClientRequest>> = {
  "what it does not know": request("nothing"),
  "no command": { headers: [["host", "shop.test"]] },
  headers: request("headers", {
    headers: [
      ["x-in-twice", "a"],
      ["x-in-twice", "b"],
      ["x-in-gone", "1"],
      ["x-in-set", "was"],
      ["x-in-bytes", "\u00e9\u00ff"],
    ],
  }),
  "a body": request("body", { method: "POST", body: ["in ", "three ", "pieces"] }),
  "an empty body": request("body", { method: "POST", body: "" }),
  "a large body": request("body", { method: "PUT", body: "x".repeat(200_000) }),
  "shared data, first": request("shared"),
  "shared data, second": request("shared"),
  "shared data, third": request("shared"),
  "shared data, over the limit": request("shared"),
  properties: request("property"),
  "a call": request("call"),
  "a call to an unknown cluster": request("call-nobody"),
  "a local reply": request("reply"),
  "a metric that does not exist": request("increment"),
};

describe.skipIf(isMissing("rust"))(
  `a module from the Rust SDK ${isMissing("rust") ? needs("rust") : ""}`,
  () => {
    beforeAll(start, 240_000);
    afterAll(stop);

    test("says the same about its configuration", () => {
      expect(both.linesInEnvoy()).toContain("configured: gate 3");
      expect(both.linesInProcess()).toEqual(both.linesInEnvoy());
    });

    test.each(Object.entries(REQUESTS))("does the same with %s", (_, each) => both.agreeOn(each));

    test("ticks until it stops its timer", async () => {
      const hosted = both.inProcess(request("tick"));
      expect(hosted.response.status).toBe(200);
      both.proxy.advance(1_000);
      await both.inEnvoy(request("tick"), "tick 3");
      for (const lines of [both.linesInProcess(), both.linesInEnvoy()])
        expect(lines.slice(-3)).toEqual(["tick 1", "tick 2", "tick 3"]);
    });

    test("counts the same", async () => {
      const { envoy, proxy } = both;
      const stats = await envoy.admin.stats("wasmcustom.rust");
      expect(stats.get("wasmcustom.rust.requests")).toBeGreaterThan(10);
      expect(stats.get("wasmcustom.rust.open")).toBe(0);
      for (const name of ["rust.requests", "rust.open"])
        expect(proxy.metrics.get(name)).toBe(stats.get(`wasmcustom.${name}`));
      expect(proxy.host.metrics.histograms.get("rust.sizes")).toEqual([15, 200_000]);
    });

    test("has its configuration refused for the same reason, and serves on with the last good one", async () => {
      const hosted = both.proxy.configure("rust", "gate");
      const applied = await both.envoy.configure("rust", "gate");
      expect([hosted.accepted, applied.accepted]).toEqual([false, false]);
      for (const lines of [both.linesInProcess(), both.linesInEnvoy()])
        expect(lines.at(-1)).toBe("refused: gate");
      await both.agreeOn(request("reply"));
    });

    test("names its line and its functions when it panics", async () => {
      const { response } = both.inProcess(request("panic"));
      const answer = await send(both.envoy.url, request("panic"));
      expect(response).toMatchObject({ status: answer.status, body: answer.body });
      const { message = "", callback } = both.proxy.traps.at(-1) ?? {};
      expect(callback).toBe("proxy_on_request_headers");
      expect(message).toMatch(/^asked to at src\/lib\.rs:\d+:\d+\n/);
      expect(message).toContain("in proxy_on_request_headers (byte 0x");
    });
  },
);
