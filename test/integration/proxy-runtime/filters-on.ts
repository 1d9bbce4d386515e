// Filters that were written for `@solo-io/proxy-runtime`, in stock Envoy. They must do on our
// runtime what they do on the original. All of them are in one chain, so that each meets what the
// others do to the stream.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse } from "../../../kit/traffic.js";
import { authorPackage, compileFilter, exampleSource, probeSource, type Runtime } from "./modules.js";

/** The filters that both packages compile, in the order of the chain. */
const PROBES = ["headers", "callout", "metrics", "shared-data", "tick", "local-reply", "bodies"] as const;

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "meshwright-proxy-runtime-"));
  folders.push(folder);
  return authorPackage(folder);
}

async function chain(runtime: Runtime) {
  const folder = await newFolder();
  const filters = [];
  const add = { module: await compileFilter(runtime, await exampleSource(), "add-header", folder) };
  // Without a configuration the original traps: see the layer's README.
  if (runtime !== "@solo-io/proxy-runtime")
    filters.push({ ...add, name: "add-header", rootId: "add_header" });
  filters.push({ ...add, name: "add-header-configured", rootId: "add_header", configuration: "you" });
  for (const name of PROBES) {
    const module = await compileFilter(runtime, await probeSource(name), name, folder);
    filters.push({ name, module, rootId: "probe", configuration: name });
  }
  const module = await compileFilter(runtime, await probeSource("roots"), "roots", folder);
  for (const rootId of ["first", "second"]) {
    filters.push({ name: `roots-${rootId}`, module, vmId: "roots", rootId, configuration: `the ${rootId}` });
  }
  return filters;
}

/** Declares what the filters do in stock Envoy when they are compiled with that package. */
export function describeFiltersOn(runtime: Runtime): void {
  let upstream: Upstream;
  let judge: Upstream;
  let envoy: TestEnvoy;

  beforeAll(async () => {
    upstream = await startUpstream({
      respond: () => ({
        headers: [
          ["x-upstream-secret", "1"],
          ["x-replaced", "theirs"],
        ],
        body: "answer",
      }),
    });
    judge = await startUpstream({
      name: "judge",
      respond: ({ headers }) => {
        const user = headers.find(([name]) => name === "x-user")?.[1];
        if (user === "slow") return { delayMs: 60_000 };
        return {
          status: user === "good" ? 200 : 401,
          headers: [["x-reason", `is-${user}`]],
          body: "verdict",
        };
      },
    });
    envoy = await startEnvoy({
      filters: await chain(runtime),
      upstreams: { upstream, judge },
      workers: 1,
    });
  }, 120_000);

  afterAll(async () => {
    await envoy?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    await judge?.[Symbol.asyncDispose]();
  });

  const get = (...headers: [string, string][]) => send(envoy.url, { headers });
  const arrived = (name: string) =>
    upstream.requests
      .at(-1)
      ?.headers.filter(([other]) => other === name)
      .map(([, value]) => value);

  test("the package's own example adds its header", async () => {
    const { headers } = await get();
    expect(headers).toContainEqual(["hello", '"you"']);
    const unconfigured = headers.some(([name, value]) => name === "hello" && value === "world!");
    expect(unconfigured).toBe(runtime === "meshwright/proxy-runtime");
  });

  test("headers are read and edited both ways", async () => {
    const response = await get(
      ["x-in", "given"],
      ["x-replaced", "old"],
      ["x-secret", "1"],
      ["x-many", "a"],
      ["x-many", ""],
    );
    expect(arrived("x-replaced")).toEqual(["new"]);
    expect(arrived("x-secret")).toEqual([]);
    expect(response.header("x-many-seen")).toBe("2");
    expect(response.header("x-context")).toBe("numbered");
    expect(response.header("x-replaced")).toBe("mine");
    expect(response.header("x-upstream-secret")).toBeUndefined();
    expect(response.header("x-status")).toBe("200");
    expect(arrived("x-copy")).toEqual(["given|"]);
  });

  test("headers that are not text, or are large, end no VM", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx-in: `),
      Buffer.from([0xc3, 0x28, 0xed, 0xa0, 0x80, 0xff, 0xf0, 0x9f]),
      Buffer.from(`\r\nx-many: ${"x".repeat(40_000)}\r\n\r\n`),
    ]);
    expect(await rawHttp1(envoy.port, bytes)).toMatch(/^HTTP\/1.1 200 .*x-many-seen: 1\r\n/s);
    expect((await get()).header("x-many-seen")).toBe("0");
  });

  test("an HTTP call's callback resumes a waiting request, body and all", async () => {
    const response = await send(envoy.url, {
      method: "POST",
      headers: [
        ["x-ask", "judge"],
        ["x-user", "good"],
      ],
      body: "a body",
    });
    expect(response.status).toBe(200);
    expect(response.header("x-verdict")).toBe("200 is-good 7");
    expect(arrived("x-allowed")).toEqual(["is-good"]);
    expect(upstream.requests.at(-1)?.body).toBe("a body");
    expect(judge.requests.at(-1)).toMatchObject({ method: "POST", path: "/verdict", body: "may good pass?" });
  });

  test("or answers it: refused, timed out, no such cluster", async () => {
    const answer = ({ status, body, header }: ClientResponse) => [status, body, header("x-judged")];
    const before = upstream.requests.length;
    expect(answer(await get(["x-ask", "judge"], ["x-user", "bad"]))).toEqual([403, "no: 401 is-bad 7", "1"]);
    expect(answer(await get(["x-ask", "judge"], ["x-user", "slow"]))).toEqual([
      403,
      // Envoy itself answers an HTTP call that timed out.
      expect.stringMatching(/^no: (failed|504 .*)$/),
      "1",
    ]);
    expect(answer(await get(["x-ask", "nobody"], ["x-user", "good"]))).toEqual([500, "", undefined]);
    expect(upstream.requests.length).toBe(before);
  });

  test("a client that leaves while its call waits ends no VM", async () => {
    const answers = async () => Number((await get()).header("x-answers"));
    const answered = await answers();
    const asked = judge.requests.length;
    const controller = new AbortController();
    const left = fetch(envoy.url, {
      headers: { "x-ask": "judge", "x-user": "slow" },
      signal: controller.signal,
    });
    await expect.poll(() => judge.requests.length).toBe(asked + 1);
    controller.abort();
    await expect(left).rejects.toThrow();
    // The call itself continues, and its callback finds no stream any more.
    await expect.poll(answers, { timeout: 5_000 }).toBe(answered + 1);
  });

  test("metrics count", async () => {
    const stats = async (name: string) =>
      (await (await fetch(`${envoy.admin.url}/stats?filter=${name}`)).text()).trim();
    for (const size of ["5", "7"]) expect((await get(["x-size", size])).header("x-refused")).toBe("yes");
    await expect.poll(() => stats("probe_requests")).toMatch(/probe_requests: 12$/);
    await expect.poll(() => stats("probe_open")).toMatch(/probe_open: 0$/);
    expect(await stats("probe_last")).toMatch(/probe_last: 7$/);
    expect(await stats("probe_sizes")).toContain("probe_sizes");
  });

  test("shared data keeps its value from stream to stream", async () => {
    const first = await get();
    const second = await get();
    expect(second.header("x-before")).toBe("8");
    expect(Number(second.header("x-count"))).toBe(Number(first.header("x-count")) + 1);
    expect(second.header("x-set")).toBe("ok");
  });

  test("a tick resumes streams that wait for it", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(["x-wait", "1"])));
    for (const answer of answers) expect(answer.header("x-slept")).toBe("yes");
    expect(arrived("x-woken")).toEqual(["1"]);
    expect((await get()).header("x-configuration")).toBe('"tick"');
  });

  test("a local reply has its status, details, headers and body", async () => {
    const response = await get(["x-reply", "418"], ["x-body", "short and stout"]);
    expect(response).toMatchObject({ status: 418, body: "short and stout" });
    expect(response.headers.filter(([name]) => name === "x-why").map(([, value]) => value)).toEqual([
      "a test",
      "",
    ]);
    expect(response.header("x-replied")).toBe("yes");
    const log = await envoy.accessLog(1);
    expect(log.find((entry) => entry.status === 418)).toMatchObject({ details: "probe_says_no" });
  });

  test("a local reply to a gRPC client has its gRPC status", async () => {
    const response = await get(["x-reply", "200"], ["content-type", "application/grpc"], ["te", "trailers"]);
    expect(response.header("grpc-status")).toBe("8");
  });

  test("bodies are read, however they are split", async () => {
    const post = (body: string) => send(envoy.url, { method: "POST", body });
    const whole = await post(`first${"x".repeat(100_000)}`);
    expect([whole.header("x-seen"), whole.header("x-start"), whole.header("x-early")]).toEqual([
      "100005",
      "first",
      "0",
    ]);
    expect((await post(`${"x".repeat(70_000)}forbidden`)).status).toBe(400);
    const chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    const answer = await rawHttp1(envoy.port, Buffer.from(`${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`));
    expect(answer).toMatch(/^HTTP\/1.1 200 .*x-seen: 5\r\n/s);
  });

  test("plugins of one module are told apart by their root_id, and learn of a stream's end", async () => {
    const response = await get();
    expect(response.header("x-first")).toBeDefined();
    expect(response.header("x-second")).toBe('"the second"');
    await expect.poll(() => envoy.logs()).toContain("second logged 200");
    await expect.poll(() => envoy.logs()).toContain("second deleted");
    expect(envoy.logs()).toContain("first started");
  });

  test("a configuration that the filter refuses is refused, and the old one serves on", async () => {
    const { accepted } = await envoy.configure("roots-second", "refuse me");
    expect(accepted).toBe(false);
    expect((await get()).header("x-second")).toBe('"the second"');
  });
}
