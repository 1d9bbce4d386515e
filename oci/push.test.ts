// Pushing to registries that behave and to registries that do not.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { makeAuthority } from "../kit/envoy/certificates.js";
import { SAMPLE_MAKER, sampleBytes, sampleModule } from "../test/support/packed-sample.js";
import {
  type Arrived,
  fail,
  type RegistryOptions,
  startRegistry,
  type TestRegistry,
} from "../test/support/registry.js";
import { isMissing, needs } from "../test/support/tools.js";
import type { Packed } from "./layout/layout.js";
import { packModule } from "./pack.js";
import { type PushOptions, pushImage } from "./push.js";
import { parseReference } from "./registry/reference.js";

let folder: string;
let packed: Packed;
let digest: string;
/** The layer, which is the largest blob. */
let layer: { readonly digest: string; readonly size: number };
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "oci-push-"));
  packed = await packModule(sampleModule(), SAMPLE_MAKER);
  digest = packed.image.manifest.descriptor.digest;
  layer = packed.image.blobs[1]?.descriptor ?? { digest: "", size: 0 };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** For a hook: does it where it is meant, and says so. */
function when(isMeant: boolean, act: () => unknown): boolean {
  if (isMeant) act();
  return isMeant;
}

const FAST = { connectMs: 2_000, answerMs: 300, waitMs: 1, attempts: 3 };

async function push(host: string, options: PushOptions & { readonly name?: string } = {}) {
  const lines: string[] = [];
  const { name = "mesh/edge:1", ...rest } = options;
  const env = { DOCKER_CONFIG: path.join(folder, "no-login"), ...rest.env };
  const outcome = await pushImage(packed, parseReference(`${host}/${name}`), {
    limits: FAST,
    onProgress: (line) => lines.push(line),
    ...rest,
    env,
  }).then(
    (pushed) => ({ pushed, error: undefined }),
    (error) => ({ pushed: undefined, error: `${error.code}: ${error.message}`.replaceAll(host, "HOST") }),
  );
  return { ...outcome, lines };
}

async function pushTo(options: RegistryOptions, pushOptions: Parameters<typeof push>[1] = {}) {
  await using registry = await startRegistry(options);
  return { registry, ...(await push(registry.host, pushOptions)) };
}

/** The environment with a login for a registry. */
async function loggedIn(
  host: string,
  entry: object = { auth: Buffer.from("ann:secret").toString("base64") },
) {
  const config = await mkdtemp(path.join(folder, "login-"));
  await writeFile(path.join(config, "config.json"), JSON.stringify({ auths: { [host]: entry } }));
  return { DOCKER_CONFIG: config };
}

const isWhole = ({ blobs, manifests }: TestRegistry) =>
  manifests.has("mesh/edge:1") &&
  blobs.size ===
    new Set(
      [packed.image, ...packed.referrers].flatMap(({ blobs: own }) =>
        own.map((blob) => blob.descriptor.digest),
      ),
    ).size;

describe("a registry that behaves", () => {
  test("gets the image, then what is said about it, and the tag last", async () => {
    const { registry, pushed, lines } = await pushTo({});
    expect(pushed).toEqual({
      name: `${registry.host}/mesh/edge@${digest}`,
      digest,
      isPlain: true,
      notes: [],
    });
    expect(isWhole(registry)).toBe(true);
    const puts = registry.arrived
      .filter(({ method, url }) => method === "PUT" && url.includes("/manifests/"))
      .map(({ url }) => url.split("/").at(-1));
    expect(puts).toEqual([
      digest,
      ...packed.referrers.map(({ manifest }) => manifest.descriptor.digest),
      "1",
    ]);
    expect(lines).toContain(
      `image: ${layer.digest.slice(0, 19)}, ${layer.size.toLocaleString("en")} bytes, pushed`,
    );
  });

  test("gets nothing twice", async () => {
    await using registry = await startRegistry();
    await push(registry.host);
    const before = registry.arrived.length;
    const { lines } = await push(registry.host);
    expect(registry.arrived.slice(before).filter(({ method }) => method === "POST")).toEqual([]);
    expect(lines.every((line) => line.endsWith("is there already"))).toBe(true);
  });

  test("needs no tag, and no referrers", async () => {
    const { registry, pushed } = await pushTo({}, { name: "mesh/edge", referrers: false });
    expect(pushed?.digest).toBe(digest);
    expect([...registry.manifests.keys()]).toEqual([`mesh/edge@${digest}`]);
  });

  test("gets a list under the fallback tag where it lists no referrers, beside those of others", async () => {
    await using registry = await startRegistry({ referrersApi: false });
    await push(registry.host);
    const tag = `mesh/edge:${digest.replace(":", "-")}`;
    const list = () => JSON.parse(registry.manifests.get(tag)?.toString() ?? "{}");
    expect(list().manifests.map(({ artifactType }: { artifactType: string }) => artifactType)).toEqual([
      "application/vnd.cyclonedx+json",
      "application/vnd.in-toto+json",
      "application/schema+json",
    ]);
    const other = {
      mediaType: "application/x",
      digest: `sha256:${"0".repeat(64)}`,
      size: 1,
      annotations: { by: "cosign" },
    };
    const extended = { ...list(), manifests: [other, ...list().manifests] };
    (registry.manifests as Map<string, Buffer>).set(tag, Buffer.from(JSON.stringify(extended)));
    expect((await push(registry.host)).error).toBeUndefined();
    expect(list().manifests).toEqual(extended.manifests);
  });

  test("is not asked where the reference names another image", async () => {
    const other = `sha256:${"0".repeat(64)}`;
    const { registry, error } = await pushTo({}, { name: `mesh/edge@${other}` });
    expect(error).toBe(`configuration: the image is ${digest}, and the reference names ${other}`);
    expect(registry.arrived).toEqual([]);
  });
});

describe("a login", () => {
  const basic = { kind: "basic", user: "ann", password: "secret" } as const;

  test("by password is used, and Istio's trouble with it is told", async () => {
    await using registry = await startRegistry({ auth: basic });
    const { pushed } = await push(registry.host, { env: await loggedIn(registry.host) });
    expect(isWhole(registry)).toBe(true);
    expect(pushed?.notes.join(" ")).toMatch(
      /asks for basic authentication\. Istio 1\.31 cannot log in there/,
    );
  });

  test("that is missing or wrong is asked for", async () => {
    await using registry = await startRegistry({ auth: basic });
    expect((await push(registry.host)).error).toBe(
      "registry-failed: HOST: it wants a login; run `docker login HOST`, or set DOCKER_CONFIG to the folder of a config.json",
    );
    const env = await loggedIn(registry.host, { username: "ann", password: "wrong" });
    const { error } = await push(registry.host, { env });
    expect(error).toBe("registry-failed: HOST: it refuses the login; run `docker login HOST` again");
    expect(registry.blobs.size).toBe(0);
  });

  test.each([
    ["nobody", undefined, undefined],
    [
      "a password",
      { auth: Buffer.from("ann:secret").toString("base64") },
      `Basic ${Buffer.from("ann:secret").toString("base64")}`,
    ],
  ])("by a token for %s", async (_, entry, authorization) => {
    const asked: Arrived[] = [];
    await using registry = await startRegistry({
      auth: {
        kind: "token",
        authorize: (arrived) => {
          asked.push(arrived);
          return arrived.authorization === authorization ? "good" : undefined;
        },
      },
    });
    const env = entry === undefined ? {} : await loggedIn(registry.host, entry);
    const { error, pushed, lines } = await push(registry.host, { env });
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
    expect(asked).toHaveLength(1);
    const query = new URL(asked[0]?.url ?? "", "http://x").searchParams;
    expect(Object.fromEntries(query)).toEqual({
      service: "the, service",
      scope: "repository:mesh/edge:pull,push",
    });
    expect(lines[0]).toBe(`asking ${registry.host} for a token`);
    expect(pushed?.notes.join(" ")).toMatch(/has its token service on a private address/);
  });

  test("by an identity token goes to the token service as a form", async () => {
    await using registry = await startRegistry({
      auth: {
        kind: "token",
        authorize: ({ method, body }) => {
          const form = new URLSearchParams(body.toString());
          const isRight =
            method === "POST" &&
            form.get("grant_type") === "refresh_token" &&
            form.get("refresh_token") === "T";
          return isRight ? "good" : undefined;
        },
      },
    });
    await push(registry.host, { env: await loggedIn(registry.host, { identitytoken: "T" }) });
    expect(isWhole(registry)).toBe(true);
  });

  test("that expires in the middle is made anew", async () => {
    let left = 4;
    await using registry = await startRegistry({
      auth: { kind: "token", authorize: () => "good" },
      hook: ({ url, headers }, response) => {
        if (url.startsWith("/token") || left-- !== 0) return false;
        fail(response, 401, "UNAUTHORIZED", {
          "www-authenticate": `Bearer realm="http://${headers.host}/token"`,
        });
        return true;
      },
    });
    const { error } = await push(registry.host);
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
    expect(registry.arrived.filter(({ url }) => url.startsWith("/token"))).toHaveLength(2);
  });

  test("is not sent to a token service without TLS elsewhere", async () => {
    const auth = { kind: "token", realm: "http://tokens.example/token", authorize: () => "good" } as const;
    const { error } = await pushTo({ auth });
    expect(error).toBe("registry-failed: HOST: it sends to http://tokens.example, which is not HTTPS");
  });

  test("without the right to push is told in the registry's words", async () => {
    const { error } = await pushTo({
      hook: ({ method }, response) => when(method === "POST", () => fail(response, 403, "DENIED")),
    });
    expect(error).toBe(
      "registry-failed: HOST: it does not let this login push to mesh/edge (DENIED: denied)",
    );
  });
});

describe("credentials do not follow", () => {
  test("a redirect, nor the place of an upload, to another host", async () => {
    const elsewhere: Arrived[] = [];
    await using other = await startRegistry({
      hook: (arrived, response) => {
        elsewhere.push(arrived);
        if (arrived.method !== "PUT") return false;
        response.writeHead(201).end();
        return true;
      },
    });
    const away = (place: string) => `http://${other.host}${place}`;
    await using registry = await startRegistry({
      auth: { kind: "basic", user: "ann", password: "secret" },
      hook: ({ method, url, authorization }, response) => {
        if (authorization === undefined) return false;
        if (method === "HEAD") response.writeHead(307, { location: away(url) }).end();
        else if (method === "POST") response.writeHead(202, { location: away("/bucket/1?signed=yes") }).end();
        else return false;
        return true;
      },
    });
    const { lines } = await push(registry.host, { env: await loggedIn(registry.host) });
    expect(elsewhere.map(({ method }) => method)).toEqual(expect.arrayContaining(["HEAD", "PUT"]));
    expect(elsewhere.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    expect(elsewhere.find(({ method }) => method === "PUT")?.url).toMatch(
      /^\/bucket\/1\?signed=yes&digest=sha256%3A/,
    );
    expect(lines.filter((line) => line.includes("redirects"))).toEqual([
      `${registry.host} redirects to ${other.host}, which does not get the login`,
    ]);
  });

  test("a redirect of the first request to a host that asks for a login itself", async () => {
    const asked: Arrived[] = [];
    await using other = await startRegistry({
      auth: { kind: "token", authorize: (arrived) => (asked.push(arrived) > 0 ? "good" : undefined) },
    });
    await using registry = await startRegistry({
      hook: ({ url }, response) =>
        when(true, () => response.writeHead(302, { location: `http://${other.host}${url}` }).end()),
    });
    const { error } = await push(registry.host, { env: await loggedIn(registry.host) });
    expect(error?.replace(other.host, "OTHER")).toBe(
      "registry-failed: HOST: OTHER, where it sends /v2/, wants a login (401), and gets none",
    );
    expect(asked).toEqual([]);
    expect(other.arrived.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  test.each([301, 302, 303])(
    "and a push is not followed where it would become a GET (%i)",
    async (status) => {
      const { error } = await pushTo({
        hook: ({ method }, response) =>
          when(method === "POST", () =>
            response.writeHead(status, { location: "https://r.example/x" }).end(),
          ),
      });
      expect(error).toBe(
        "registry-failed: HOST: it answers POST with a redirect to r.example; name that registry instead",
      );
    },
  );

  test("and a circle of redirects ends", async () => {
    const { error } = await pushTo({
      hook: ({ url }, response) => when(true, () => response.writeHead(307, { location: url }).end()),
    });
    expect(error).toBe("registry-failed: HOST: it redirects more than 5 times");
  });
});

describe("a registry that fails for a while", () => {
  test.each([500, 502, 503, 504, 429])("with %i is asked again", async (status) => {
    let left = 2;
    const { registry, error, lines } = await pushTo({
      hook: ({ method }, response) =>
        when(method === "PUT" && left-- > 0, () => fail(response, status, "BUSY")),
    });
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
    expect(
      lines.filter((line) =>
        /: it answers \d+ for image: blob .* \(BUSY: busy\); trying again in/.test(line),
      ),
    ).toHaveLength(2);
  });

  test("and does not stop is given up", async () => {
    const { error, lines } = await pushTo({
      hook: (_, response) => when(true, () => fail(response, 503, "DOWN")),
    });
    expect(error).toBe(
      "registry-failed: HOST: it answers 503 for /v2/ (DOWN: down); given up after 3 attempts",
    );
    expect(lines).toHaveLength(2);
  });

  test("by breaking off a request is asked again", async () => {
    let left = 2;
    const { registry, error } = await pushTo({
      hook: ({ method }, _, socket) => when(method === "PUT" && left-- > 0, () => socket.destroy()),
    });
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
  });

  test("by never answering is given up in time", async () => {
    const { error } = await pushTo({ hook: ({ method }) => method === "PUT" });
    expect(error).toBe("registry-failed: HOST: no answer within 0.3 s; given up after 3 attempts");
  });

  test("ends at once where the user does", async () => {
    const stop = new AbortController();
    const { error } = await pushTo(
      {
        hook: ({ method }) =>
          when(method === "PUT", () => stop.abort(Object.assign(new Error("enough"), { code: "stopped" }))),
      },
      { signal: stop.signal },
    );
    expect(error).toBe("stopped: enough");
  });
});

describe("a large blob", () => {
  const chunkBytes = 10_000;
  const patches = ({ arrived }: TestRegistry) =>
    arrived.filter(({ method }) => method === "PATCH").map(({ headers }) => headers["content-range"]);

  test("goes in chunks", async () => {
    const { registry, lines } = await pushTo({}, { chunkBytes });
    expect(isWhole(registry)).toBe(true);
    const last = layer.size - 1;
    expect(patches(registry).filter((range) => range?.endsWith(`-${last}`))).toHaveLength(1);
    expect(patches(registry).slice(0, 2)).toEqual(["0-9999", "10000-19999"]);
    expect(lines).toContain("image: blob: 100 %");
  });

  test.each([
    ["before the chunk arrived", false],
    ["after the chunk arrived", true],
  ])("goes on where the connection broke %s", async (_, isKept) => {
    let seen = 0;
    const kept: string[] = [];
    await using registry: TestRegistry = await startRegistry({
      hook: (arrived, response, socket) => {
        if (arrived.method !== "PATCH" || ++seen !== 2) return false;
        kept.push(arrived.headers["content-range"] ?? "");
        if (!isKept) socket.destroy();
        // The registry stores the chunk, and the answer is lost.
        else {
          response.writeHead = () => {
            socket.destroy();
            return response;
          };
        }
        return !isKept;
      },
    });
    const { error } = await push(registry.host, { chunkBytes });
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
    expect(kept).toEqual(["10000-19999"]);
    expect(patches(registry).slice(0, 3)).toEqual([
      "0-9999",
      "10000-19999",
      isKept ? `20000-${Math.min(29_999, layer.size - 1)}` : "10000-19999",
    ]);
    expect(
      registry.arrived.filter(({ method, url }) => method === "GET" && url.includes("/uploads/")),
    ).toHaveLength(1);
  });

  test("begins anew where the registry has forgotten the upload", async () => {
    let seen = 0;
    const { registry, error } = await pushTo(
      {
        hook: ({ method }, response) =>
          when(method === "PATCH" && ++seen === 2, () => fail(response, 404, "BLOB_UPLOAD_UNKNOWN")),
      },
      { chunkBytes },
    );
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
    expect(patches(registry).slice(0, 3)).toEqual(["0-9999", "10000-19999", "0-9999"]);
  });

  test("goes in chunks of the least size that the registry takes", async () => {
    const { registry } = await pushTo(
      {
        hook: ({ method }, response) => {
          if (method === "POST") response.setHeader("oci-chunk-min-length", "15000");
          return false;
        },
      },
      { chunkBytes },
    );
    expect(patches(registry)[0]).toBe("0-14999");
    expect(isWhole(registry)).toBe(true);
  });
});

describe("a registry that lies", () => {
  const other = `sha256:${"0".repeat(64)}`;

  test("about the digest of a blob that it took", async () => {
    const { registry, error } = await pushTo({
      hook: ({ method, url }, response) =>
        when(method === "PUT" && url.includes("uploads"), () =>
          response.writeHead(201, { "docker-content-digest": other }).end(),
        ),
    });
    expect(error).toMatch(
      new RegExp(
        `^registry-failed: HOST: it says ${other} for image: blob sha256:[0-9a-f]{64}: it has something else, do not use it$`,
      ),
    );
    expect(registry.manifests.size).toBe(0);
  });

  test("about a blob that it has", async () => {
    const has = (headers: Record<string, string>) =>
      pushTo({
        hook: ({ method }, response) => when(method === "HEAD", () => response.writeHead(200, headers).end()),
      });
    expect((await has({ "docker-content-digest": other })).error).toMatch(
      /it has something else, do not use it$/,
    );
    expect((await has({ "content-length": "7" })).error).toMatch(
      /it says that image: blob \S+ has 7 bytes, and it has \d+: do not use what it has$/,
    );
  });

  test("about the digest of a manifest", async () => {
    const { registry, error } = await pushTo({
      hook: ({ method, url }, response) =>
        when(method === "PUT" && url.includes("manifests"), () =>
          response.writeHead(201, { "docker-content-digest": other }).end(),
        ),
    });
    expect(error).toBe(
      `registry-failed: HOST: it says ${other} for the manifest ${digest}: it has something else, do not use it`,
    );
    expect(registry.manifests.has("mesh/edge:1")).toBe(false);
  });

  test("about what it serves under the tag", async () => {
    const { error } = await pushTo({
      hook: ({ method, url }, response) =>
        when(method === "GET" && url.endsWith("/manifests/1"), () => response.end("{}")),
    });
    expect(error).toMatch(
      new RegExp(
        `^registry-failed: HOST: it serves sha256:[0-9a-f]{64} for the manifest 1, and ${digest} was pushed: do not use it$`,
      ),
    );
  });

  test("about how much it got", async () => {
    const { error } = await pushTo(
      {
        hook: ({ method }, response) =>
          when(method === "PATCH", () => response.writeHead(202, { range: "0-999999999" }).end()),
      },
      { chunkBytes: 10_000 },
    );
    expect(error).toMatch(/it says that it has more of image: blob \S+ than was sent$/);
  });

  test("in an answer without an end", async () => {
    const { error } = await pushTo({
      hook: ({ method, url }, response) => {
        if (method !== "GET" || !url.includes("/manifests/")) return false;
        const part = Buffer.alloc(1024 * 1024);
        const more = () => {
          response.write(part);
          if (!response.destroyed) setImmediate(more);
        };
        more();
        return true;
      },
    });
    expect(error).toBe("registry-failed: HOST: its answer has more than 4 MiB");
  });
});

describe("what is no registry", () => {
  test("a port where nothing listens", async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect((await push(`127.0.0.1:${port}`)).error).toBe(
      "registry-failed: HOST: nothing answers there: the connection is refused",
    );
  });

  test("a host without a name", async () => {
    expect((await push("registry.invalid")).error).toMatch(
      /^registry-failed: HOST: (there is no host of that name|it cannot be reached)/,
    );
  });

  test("a website", async () => {
    const server = createServer((_, response) => void response.writeHead(404).end("<html>"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect((await push(`127.0.0.1:${port}`)).error).toBe(
      "registry-failed: HOST: it is no registry: it answers 404 to GET /v2/",
    );
    await new Promise((resolve) => server.close(resolve));
  });

  test("something that speaks neither TLS nor HTTP", async () => {
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      socket.end("220 mail ready\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect((await push(`127.0.0.1:${port}`)).error).toBe("registry-failed: HOST: its answer is not HTTP");
    await new Promise((resolve) => server.close(resolve));
  });
});

describe.skipIf(isMissing("openssl"))(`HTTPS ${needs("openssl")}`, () => {
  test("is used on this machine too, with a certificate that is checked", async () => {
    const authority = makeAuthority(folder);
    const { cert, key } = await authority.issue("registry", "IP:127.0.0.1");
    await using registry = await startRegistry({ tls: { cert: cert.toString(), key: key.toString() } });
    const ca = await readFile(authority.caFile, "utf8");
    const { pushed } = await push(registry.host, { ca });
    expect(pushed?.isPlain).toBe(false);
    expect(isWhole(registry)).toBe(true);
    // Without the authority there is no second attempt without TLS.
    const { error } = await push(registry.host);
    expect(error).toMatch(
      /^registry-failed: HOST: its certificate is not trusted \(\w+\); name the authority of it with --ca$/,
    );
  });

  test("goes through a proxy where the environment names one, and the proxy sees no login", async () => {
    const authority = makeAuthority(folder);
    const { cert, key } = await authority.issue("behind", "DNS:registry.test");
    await using registry = await startRegistry({
      tls: { cert: cert.toString(), key: key.toString() },
      auth: { kind: "basic", user: "ann", password: "secret" },
    });
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket: Socket) => {
      asked.push(`${request.url} ${request.headers.authorization ?? "without a login"}`);
      const target = connect(Number(registry.host.split(":")[1]), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      for (const end of [socket, target]) end.on("error", () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("NO_PROXY", "");
    const env = await loggedIn("registry.test");
    const { error } = await push("registry.test", { ca: await readFile(authority.caFile, "utf8"), env });
    vi.unstubAllEnvs();
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    expect(error).toBeUndefined();
    expect(isWhole(registry)).toBe(true);
    expect([...new Set(asked)]).toEqual(["registry.test:443 without a login"]);
  });
});

test("a module as large as Istio takes is sent in chunks without being copied for each", async () => {
  const large = await packModule(sampleModule({ bytes: sampleBytes(5_000_000) }), SAMPLE_MAKER, {
    format: "artifact",
  });
  await using registry = await startRegistry();
  await pushImage(large, parseReference(`${registry.host}/mesh/large:1`), { env: { DOCKER_CONFIG: folder } });
  expect(registry.arrived.filter(({ method }) => method === "PATCH").map(({ body }) => body.length)).toEqual([
    4 * 1024 * 1024,
    5_000_000 - 4 * 1024 * 1024,
  ]);
});
