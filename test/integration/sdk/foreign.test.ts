// Foreign functions and filter state through a probe filter in stock Envoy.

import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";
import { isBefore } from "../../support/version.js";

const canSign = !(await isBefore("1.39"));

let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-foreign-"));
  const module = path.join(folder, "foreign.wasm");
  await compileProbe("test/probes/foreign/index.ts", module);
  upstream = await startUpstream();
  envoy = await startEnvoy({
    filters: [{ name: "foreign", module }],
    upstreams: { upstream },
    workers: 1,
    accessLog: { note: "%FILTER_STATE(wasm.note:PLAIN)%" },
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function saw(command: string, text = "", method = "GET"): Promise<string | undefined> {
  const headers: [string, string][] = [
    ["x-do", command],
    ["x-text", text],
  ];
  const response = await send(envoy.url, { method, headers });
  expect(response.status).toBe(200);
  return response.header("x-saw");
}

/** A request on a connection that stays open for the next request. */
function sawOn(agent: http.Agent, command: string, text = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      envoy.url,
      { agent, headers: { "x-do": command, "x-text": text } },
      (response) => {
        response.resume().on("end", () => resolve(String(response.headers["x-saw"])));
      },
    );
    request.on("error", reject);
  });
}

describe("a filter's own properties", () => {
  test("can be read back, later too, and by the access log, on their own stream only", async () => {
    expect(await saw("property", "hello")).toBe('null 0 "hello"');
    expect(await saw("property-later", "later")).toBe('"later"');
    expect((await envoy.accessLog(1)).at(-1)).toMatchObject({ note: "later" });
    expect(await saw("property", "")).toBe('null 0 ""');
  });

  test("that are declared read-only can be set once", async () => {
    expect(await saw("property-once", "x")).toBe('0 2 "x"');
  });

  test("cannot be declared twice, and belong to no stream while a plugin starts", async () => {
    expect(await saw("declarations")).toBe("0 2 0 1 null");
  });

  test("that are declared for the connection are there for its next request, and for no other connection's", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const other = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      expect(await sawOn(agent, "property-set", "mine")).toBe("0");
      expect(await sawOn(agent, "property-get")).toBe('"mine"');
      expect(await sawOn(other, "property-get")).toBe("null");
    } finally {
      agent.destroy();
      other.destroy();
    }
  });

  test("never replace what Envoy itself knows", async () => {
    expect(await saw("attribute", "FORGED")).toBe('0 "GET" 0 "GET"');
  });
});

test("Envoy's own filter state accepts the keys that Envoy knows", async () => {
  expect(await saw("state", "some.thing")).toBe('0 "some.thing" 0 1 1');
});

describe("zlib", () => {
  test.each(["", "x", "x".repeat(10_000)])("compresses and uncompresses", async (text) => {
    expect(await saw("compress", text)).toBe(`${text.length > 100} true`);
  });

  test.each(["", "garbage", "x\x9c\xff\xff\xff"])("refuses data in another format: %j", async (text) => {
    expect(await saw("uncompress", text)).toBe("null");
  });
});

describe("signatures", () => {
  // An older Envoy has no foreign function that signs, and calls a missing key an invalid one.
  const keys = {
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ec: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  };
  const text = Buffer.from("signed text");

  describe.each(["rsa", "ec"] as const)("of a key of type %s", (type) => {
    const { publicKey, privateKey } = keys[type];
    const shown = publicKey.export({ type: "spki", format: "der" }).toString("hex");
    const secret = privateKey.export({ type: "pkcs8", format: "der" }).toString("hex");
    const words = (...parts: (string | Buffer)[]) =>
      parts.map((part) => (typeof part === "string" ? part : part.toString("hex"))).join(" ");

    test.each(["sha1", "sha224", "sha256", "sha384", "sha512"])(
      "with %s are checked and made",
      async (hash) => {
        const signature = sign(hash, text, privateKey);
        expect(await saw("verify", words(hash, shown, signature, text))).toBe("0");
        expect(await saw("sign", words(hash, secret, shown, text))).toBe(canSign ? "0" : "null");
      },
    );

    test("that are wrong in any part are invalid", async () => {
      const signature = sign("sha256", text, privateKey);
      const other = keys[type === "rsa" ? "ec" : "rsa"].publicKey.export({ type: "spki", format: "der" });
      expect(await saw("verify", words("sha256", shown, signature, Buffer.from("other text")))).toBe("1");
      expect(await saw("verify", words("sha256", shown, Buffer.from("00"), text))).toBe("1");
      expect(await saw("verify", words("sha256", other, signature, text))).toBe("1");
      expect(await saw("verify", words("sha256", Buffer.from("no key"), signature, text))).toBe("1");
      expect(await saw("verify", words("sha512", shown, signature, text))).toBe("1");
      expect(await saw("verify", words("md9", shown, signature, text))).toBe("1");
    });

    test("need a key", async () => {
      expect(await saw("verify", words("sha256", "", sign("sha256", text, privateKey), text))).toBe(
        canSign ? "2" : "1",
      );
      expect(await saw("sign", words("sha256", "", shown, text))).toBe("null");
      expect(await saw("sign", words("sha256", Buffer.from("no key"), shown, text))).toBe("null");
      expect(await saw("sign", words("md9", secret, shown, text))).toBe("null");
    });
  });
});

describe("expressions", () => {
  test.each([
    ["request.method == 'GET'", "0 1 true true"],
    ["request.headers['x-do'] == 'nothing'", "0 1 false false"],
    ["request.nothing", "10 -1 true false"],
    ["1 / 0", "10 -1 true false"],
    ["request.size + 1", "0 8 true false"],
    ["request.path + 'abc'", "0 4 true false"],
    ["null", "3 -1 true false"],
  ])("%s", async (source, expected) => {
    // After that the expression is deleted twice, and is not found the second time.
    expect(await saw("expression", source)).toBe(`${expected} 0 0 1`);
  });

  test.each(["", "1 +", "request.", "nofunction(1)"])(
    "that do not compile are refused: %j",
    async (source) => {
      expect(await saw("expression", source)).toBe("does not compile");
    },
  );

  test("that a plugin compiled serve every stream", async () => {
    expect(await saw("kept-expression", "", "POST")).toBe("true");
    expect(await saw("kept-expression", "", "GET")).toBe("false");
  });
});

test("an unknown function is not found", async () => {
  expect(await saw("unknown", "no_such_function")).toBe("1 null");
  expect(await saw("unknown", "")).toBe("1 null");
  expect(await saw("clear-route")).toBe("0");
});
