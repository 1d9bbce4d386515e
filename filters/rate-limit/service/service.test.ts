// The rate limit service's part, in the in-process host: when it is asked and when it is not, by
// the clock; what a question costs; and that no memory is left.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { type HostedModule, loadModule } from "../../../kit/host/load.js";
import { type HostedProxy, hostProxy } from "../../../kit/host/proxy.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { encodeVerdict, type LimitVerdict } from "../../../test/support/rate-limit-messages.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import type { RateLimitConfig } from "../schema.js";

const FILTER = "rate-limit";
const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const UNAVAILABLE = 14;

const config: RateLimitConfig = {
  service: { cluster: "limits", domain: "shop", timeout: "30s" },
  rules: [{ name: "users", key: [{ header: "x-user" }], global: {} }],
};

let path: string;

beforeAll(async () => {
  const [built] = await buildFilters([FILTER]);
  if (built === undefined) throw new Error("rate-limit was not built");
  path = built.path;
});

describe("the check before a call", () => {
  let proxy: HostedProxy;
  let verdict: LimitVerdict;
  let answerMs: number;
  let questions: number;

  const answer = () => {
    questions++;
    return { messages: [encodeVerdict(verdict)], delayMs: answerMs };
  };

  beforeEach(() => {
    verdict = {};
    answerMs = 0;
    questions = 0;
    proxy = hostProxy({
      filters: [{ name: FILTER, module: path, configuration: config as unknown as Json }],
      upstreams: {
        upstream: () => ({ body: "passed" }),
        limits: { protocol: "http2", grpc: { [METHOD]: answer } },
      },
    });
  });

  const over = (resetSeconds: number) => {
    verdict = { statuses: [{ over: true, resetSeconds }] };
  };

  /** Whether a request asks the service. */
  function asks(worker = 0, user = "ann"): boolean {
    const before = questions;
    proxy.request({ headers: [["x-user", user]], worker });
    return questions > before;
  }

  /** Lets a time pass in which no request asks, and checks that requests ask after it. */
  function expectSpared(untilMs: number): void {
    proxy.advance(untilMs - 1);
    for (const worker of [0, 1]) expect(asks(worker)).toBe(false);
    proxy.advance(1);
    expect(asks()).toBe(true);
  }

  test("and the call itself refuse alike, each client in its protocol and for its Envoy", () => {
    verdict = { over: true, statuses: [{ over: true, resetSeconds: 10 }], body: "no more today: 100 %" };
    const field = (type: string, name: string) =>
      proxy
        .request({
          method: "POST",
          headers: [
            ["x-user", "ann"],
            ["content-type", type],
          ],
        })
        .response?.headers.find(([key]) => key === name)?.[1];
    expect(field("application/grpc", "grpc-message")).toBe("no more today: 100 %25");
    // The pre-check has no body of the service.
    expect(field("application/grpc", "grpc-message")).toBe("rate limited");
    for (const type of ["application/grpc", "application/grpc-web", "application/json"]) {
      expect(field(type, "x-envoy-ratelimited")).toBe("true");
    }
    expect(questions).toBe(1);
  });

  test("counts whole seconds from the start of the second in which it asked, as the service does", () => {
    proxy.advance(400);
    over(10);
    expect(asks()).toBe(true);
    expectSpared(9_600);
  });

  test("counts from the second of the question, however late the answer is", () => {
    proxy.advance(900);
    over(10);
    answerMs = 300;
    expect(asks()).toBe(true);
    proxy.advance(300);
    expectSpared(10_000 - 1_200);
  });

  test("accepts fractions of a second", () => {
    proxy.advance(400);
    over(2.5);
    expect(asks()).toBe(true);
    expectSpared(2_500);
  });

  test("lasts for a minute at most", () => {
    over(86_400);
    expect(asks()).toBe(true);
    expectSpared(60_000);
  });

  test("knows each key separately, and forgets none of a thousand", () => {
    over(30);
    for (let user = 0; user < 1_000; user++) expect(asks(0, `u${user}`)).toBe(true);
    for (let user = 0; user < 1_000; user++) expect(asks(1, `u${user}`)).toBe(false);
    expect(asks(1, "u1000")).toBe(true);
  });

  test("keeps a bounded number of keys, however many are over", () => {
    over(30);
    for (let user = 0; user < 18_000; user++) asks(user % 2, `u${user}`);
    expect(proxy.sharedData().size).toBeLessThanOrEqual(1024 + 2);
    expect(proxy.traps).toEqual([]);
  });

  test("starts empty with another domain, because a key has another meaning there", () => {
    over(30);
    expect(asks()).toBe(true);
    expect(asks()).toBe(false);
    const other = { ...config, service: { cluster: "limits", domain: "other" } };
    expect(proxy.configure(FILTER, other as unknown as Json)).toEqual({ accepted: true });
    expect(asks()).toBe(true);
  });
});

describe("a question", () => {
  let module: HostedModule;

  const REQUEST: HeaderList = [
    [":method", "GET"],
    [":path", "/"],
    [":authority", "shop.test"],
    ["x-user", "ann"],
  ];

  beforeEach(() => {
    module = loadModule(path);
    expect(module.configure(JSON.stringify(config))).toEqual({ accepted: true, logs: [] });
  });

  /** The last call, which must be open. */
  function call() {
    const last = module.grpcCalls.at(-1);
    if (last === undefined) throw new Error("no call is open");
    return last;
  }

  /** A whole stream with this answer to its question, or with none. */
  function ask(answer?: Uint8Array): void {
    const stream = module.open(REQUEST, { endOfStream: true });
    if (answer === undefined) call().close(UNAVAILABLE);
    else call().sendMessage(answer);
    if (stream.upstream.isWhole) stream.responseHeaders([[":status", "200"]], true);
    stream.close();
  }

  /** The number of host calls, by the call's name. */
  function hostCalls(run: () => void): Record<string, number> {
    const before = new Map(module.hostCallsTotal);
    run();
    const spent = [...module.hostCallsTotal].map(
      ([name, count]) => [name, count - (before.get(name) ?? 0)] as const,
    );
    return Object.fromEntries(spent.filter(([, count]) => count !== 0));
  }

  test("costs nine host calls: key, two clocks, keys known to be over, call and answer, count, and resuming", () => {
    ask(encodeVerdict({}));
    expect(hostCalls(() => ask(encodeVerdict({})))).toEqual({
      proxy_get_header_map_pairs: 1,
      clock_time_get: 1,
      proxy_get_shared_data: 1,
      proxy_get_current_time_nanoseconds: 1,
      proxy_grpc_call: 1,
      proxy_set_effective_context: 1,
      proxy_get_buffer_bytes: 1,
      proxy_increment_metric: 1,
      proxy_continue_stream: 1,
    });
  });

  test("without an answer takes from the fallbacks at once when only one of them acts", () => {
    const asking = (name: string, shadow: boolean) => ({
      name,
      shadow,
      key: [{ header: "x-user" }],
      global: { fallback: { limit: 9, unit: "hour" } },
    });
    const rules = [asking("acts", false), asking("shadow", true)];
    module.configure(JSON.stringify({ service: { ...config.service, failureMode: "local" }, rules }));
    ask();
    expect(hostCalls(() => ask())).toMatchObject({
      // Two keys that may be known to be over; two fallbacks, of which nobody else takes anything.
      proxy_get_shared_data: 2,
      proxy_set_shared_data: 2,
      proxy_increment_metric: 2,
    });
  });

  test("leaves no memory behind, whatever the answer", () => {
    const headers = Array.from({ length: 20 }, (_, i): [string, string] => [`x-${i}`, "v".repeat(100)]);
    const answers = [
      encodeVerdict({ statuses: [{}], responseHeaders: headers, requestHeaders: headers }),
      encodeVerdict({ statuses: [{ over: true }], body: "b".repeat(30_000) }),
      encodeVerdict({ over: true, body: "b".repeat(70_000) }),
      Buffer.from("no message"),
      undefined,
    ];
    const round = (times: number) => {
      for (let i = 0; i < times; i++) for (const answer of answers) ask(answer);
    };
    round(200);
    const { pages } = module;
    round(4_000);
    expect(module.pages).toBe(pages);
  });
});
