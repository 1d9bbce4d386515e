// rate-limit in stock Envoy by the client's identity: its address as Envoy trusts it, its SPIFFE
// identity over mTLS, a claim of its verified token.

import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { makeAuthority } from "../../../kit/envoy/certificates.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { isMissing, needs } from "../../support/tools.js";
import { expectAlive, type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

const PASS_TWO = [200, 200, 429];

let rules = 0;

/** Two an hour for each key, under a name that no test used before. */
async function limitBy(limited: LimitEnvoy, key: LimitRule["key"], more: Partial<LimitRule> = {}) {
  showLogsOnFailure(limited.envoy);
  const name = `clients-${rules++}`;
  await limited.rules({ name, ...(key ? { key } : {}), local: { limit: 2, unit: "hour" }, ...more });
  return name;
}

const from = (address: string): SendOptions => ({ headers: [["x-forwarded-for", address]] });

describe("the client's address", () => {
  let limited: LimitEnvoy;

  /** The nearest proxy is trusted: the last entry of x-forwarded-for is the client. */
  beforeAll(async () => {
    limited = await startLimitEnvoy();
  });
  afterAll(() => limited?.[Symbol.asyncDispose]());

  test("is what the trusted proxy says, not what the client wrote before it", async () => {
    await limitBy(limited, [{ clientAddress: true }]);
    const statuses: number[] = [];
    for (const forged of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) {
      statuses.push(...(await limited.statuses(1, from(`${forged}, 10.0.0.1`))));
    }
    expect(statuses).toEqual(PASS_TWO);
    expect(await limited.statuses(3, from("10.0.0.2"))).toEqual(PASS_TWO);
  });

  test("counts all bits of IPv4 and 64 of IPv6, however it is written", async () => {
    await limitBy(limited, [{ clientAddress: true }]);
    const one = ["2001:db8:1:2::1", "2001:DB8:1:2:ffff::", "2001:0db8:0001:0002:0:0:0:9"];
    const statuses: number[] = [];
    for (const address of one) statuses.push(...(await limited.statuses(1, from(address))));
    expect(statuses).toEqual(PASS_TWO);
    expect(await limited.statuses(3, from("2001:db8:1:3::1"))).toEqual(PASS_TWO);
    expect(await limited.statuses(3, from("10.0.0.1"))).toEqual(PASS_TWO);
    expect(await limited.statuses(3, from("10.0.0.2"))).toEqual(PASS_TWO);
  });

  test("counts as many bits as the rule says", async () => {
    await limitBy(limited, [{ clientAddress: { ipv4: 24, ipv6: 47 } }]);
    const of = async (...addresses: string[]) => {
      const statuses: number[] = [];
      for (const address of addresses) statuses.push(...(await limited.statuses(1, from(address))));
      return statuses;
    };
    expect(await of("10.1.2.3", "10.1.2.255", "10.1.2.0")).toEqual(PASS_TWO);
    expect(await of("10.1.3.3", "10.1.3.4", "10.1.3.5")).toEqual(PASS_TWO);
    expect(await of("2001:db8:2::1", "2001:db8:3::1", "2001:db8:2:9::")).toEqual(PASS_TWO);
    expect(await of("2001:db8:4::1", "2001:db8:5::1", "2001:db8:4::2")).toEqual(PASS_TWO);
  });

  test("of IPv4 within IPv6 is the IPv4 address", async () => {
    await limitBy(limited, [{ clientAddress: { ipv4: 32, ipv6: 64 } }]);
    expect(await limited.statuses(1, from("::ffff:10.9.9.9"))).toEqual([200]);
    expect(await limited.statuses(2, from("10.9.9.9"))).toEqual([200, 429]);
    expect(await limited.statuses(1, from("::ffff:10.9.9.8"))).toEqual([200]);
  });

  test("that is exempt is not counted, by itself or by its range", async () => {
    const rule = await limitBy(limited, [{ clientAddress: true }], {
      exempt: { clientAddresses: ["10.0.0.0/8", "192.0.2.7", "2001:db8:ff::/48"] },
    });
    for (const address of ["10.255.0.1", "192.0.2.7", "2001:db8:ff:1::9"]) {
      expect(await limited.statuses(4, from(address))).toEqual([200, 200, 200, 200]);
    }
    for (const address of ["11.0.0.1", "192.0.2.8", "2001:db8:fe:1::9"]) {
      expect(await limited.statuses(3, from(address))).toEqual(PASS_TWO);
    }
    expect(await limited.outcomes(rule)).toEqual({ allowed: 6, limited: 3, exempt: 12 });
  });

  test("that is invalid is replaced by the connection's own", async () => {
    await limitBy(limited, [{ clientAddress: true }]);
    const statuses: number[] = [];
    for (const value of ["unknown", "999.1.1.1", ",,,", "::g"]) {
      statuses.push(...(await limited.statuses(1, from(value))));
    }
    expect(statuses).toEqual([200, 200, 429, 429]);
    await expectAlive(limited);
  });
});

test("at the edge the client's address is the connection's, whatever x-forwarded-for says", async () => {
  await using edge = await startLimitEnvoy({ listenerOptions: { useRemoteAddress: true } });
  await limitBy(edge, [{ clientAddress: true }]);
  const statuses: number[] = [];
  for (const forged of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) {
    statuses.push(...(await edge.statuses(1, from(forged))));
  }
  expect(statuses).toEqual(PASS_TWO);
});

test.each([
  { useRemoteAddress: true, xffTrustedHops: 1, behind: ["10.0.0.1", "10.0.0.2"] },
  { useRemoteAddress: true, xffTrustedHops: 2, behind: ["10.0.0.1, 192.0.2.9", "10.0.0.2, 192.0.2.9"] },
  { xffTrustedHops: 1, behind: ["10.0.0.1, 192.0.2.9", "10.0.0.2, 192.0.2.9"] },
])(
  "behind trusted proxies it is the one that the first of them saw: $xffTrustedHops hops, $behind",
  async ({ behind: [one = "", other = ""], ...listenerOptions }) => {
    await using inner = await startLimitEnvoy({ listenerOptions });
    await limitBy(inner, [{ clientAddress: true }]);
    const statuses: number[] = [];
    for (const forged of ["1.1.1.1", "2.2.2.2", "3.3.3.3, 4.4.4.4"]) {
      statuses.push(...(await inner.statuses(1, from(`${forged}, ${one}`))));
    }
    expect(statuses).toEqual(PASS_TWO);
    expect(await inner.statuses(3, from(`1.1.1.1, ${other}`))).toEqual(PASS_TWO);
  },
);

test("when fewer proxies than trusted are in front, the address is the connection's", async () => {
  await using inner = await startLimitEnvoy({
    listenerOptions: { useRemoteAddress: true, xffTrustedHops: 3 },
  });
  await limitBy(inner, [{ clientAddress: true }]);
  const statuses: number[] = [];
  for (const forged of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) {
    statuses.push(...(await inner.statuses(1, from(forged))));
  }
  expect(statuses).toEqual(PASS_TWO);
});

describe.skipIf(isMissing("openssl"))(`the SPIFFE identity over mTLS ${needs("openssl")}`, () => {
  let folder: string;
  let limited: LimitEnvoy;
  let as: (client: string) => Promise<number[]>;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), "limit-tls-")));
    const authority = makeAuthority(folder);
    const server = await authority.issue("server", "IP:127.0.0.1");
    const clients = {
      ann: await authority.issue("ann", "URI:spiffe://mesh/ns/shop/sa/ann"),
      "ann-renewed": await authority.issue("ann-renewed", "DNS:pod-2,URI:spiffe://mesh/ns/shop/sa/ann"),
      bob: await authority.issue("bob", "URI:spiffe://mesh/ns/shop/sa/bob"),
      nobody: await authority.issue("nobody", "DNS:plain.test"),
      web: await authority.issue("web", "URI:https://mesh/ann"),
    };
    limited = await startLimitEnvoy({
      listenerOptions: { tls: { ...server, clientCaFile: authority.caFile } },
    });
    as = async (client) => {
      const { cert, key } = clients[client as keyof typeof clients];
      const { status } = await send(limited.envoy.url, { tls: { ca: authority.ca, cert, key } });
      return [status];
    };
  });
  afterAll(async () => {
    await limited?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("counts each workload separately, whichever certificate it shows", async () => {
    await limitBy(limited, [{ principal: true }]);
    expect([await as("ann"), await as("ann-renewed"), await as("ann")].flat()).toEqual(PASS_TWO);
    expect([await as("bob"), await as("bob"), await as("bob")].flat()).toEqual(PASS_TWO);
  });

  test("is missing when a certificate has none", async () => {
    await limitBy(limited, [{ principal: true }], { missing: "deny" });
    expect([await as("nobody"), await as("web"), await as("ann")].flat()).toEqual([429, 429, 200]);
  });
});

describe("a claim of a token that jwt_authn verified", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

  function token(claims: object, key = privateKey): SendOptions {
    const head = `${encoded({ alg: "ES256", kid: "one" })}.${encoded({ iss: "https://issuer.test", ...claims })}`;
    const signature = sign("sha256", Buffer.from(head), { key, dsaEncoding: "ieee-p1363" });
    return { headers: [["authorization", `Bearer ${head}.${signature.toString("base64url")}`]] };
  }

  const authentication = {
    name: "envoy.filters.http.jwt_authn",
    typed_config: typedConfig("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
      providers: {
        issuer: {
          issuer: "https://issuer.test",
          local_jwks: {
            inline_string: JSON.stringify({
              keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" }],
            }),
          },
          payload_in_metadata: "jwt_payload",
          forward: true,
        },
      },
      rules: [
        {
          match: { prefix: "/" },
          requires: {
            requires_any: { requirements: [{ provider_name: "issuer" }, { allow_missing: {} }] },
          },
        },
      ],
    }),
  };

  let limited: LimitEnvoy;

  beforeAll(async () => {
    limited = await startLimitEnvoy({ before: [authentication] });
  });
  afterAll(() => limited?.[Symbol.asyncDispose]());

  const byClaim = (...claim: string[]): LimitRule["key"] => [{ jwtClaim: { payload: "jwt_payload", claim } }];

  test("counts each subject separately, whatever else its tokens say", async () => {
    await limitBy(limited, byClaim("sub"));
    const statuses: number[] = [];
    for (const jti of ["1", "2", "3"]) {
      statuses.push(...(await limited.statuses(1, token({ sub: "ann", jti }))));
    }
    expect(statuses).toEqual(PASS_TWO);
    expect(await limited.statuses(3, token({ sub: "bob" }))).toEqual(PASS_TWO);
  });

  test("is found within others, as text, number or boolean", async () => {
    await limitBy(limited, byClaim("org", "id"));
    for (const id of ["a", "1", 2, 0, -7, 12345678901, true, false]) {
      expect(await limited.statuses(3, token({ org: { id } }))).toEqual(PASS_TWO);
    }
  });

  test("never has the key of a claim of another type", async () => {
    await limitBy(limited, byClaim("org"));
    const eight = Buffer.alloc(8);
    eight.writeDoubleLE(8);
    const looksLikeEight = eight.toString("latin1");
    const values = [8, "8", looksLikeEight, true, "true", "\u0001", ["8"], [8], '["8"]', [looksLikeEight]];
    for (const org of values) expect(await limited.statuses(3, token({ org }))).toEqual(PASS_TWO);
  });

  test("can be a list, whose entries stay apart", async () => {
    await limitBy(limited, byClaim("roles"));
    for (const roles of [["a", "b"], ["a,b"], ['a","b'], ["b", "a"], ["a"]]) {
      expect(await limited.statuses(3, token({ roles }))).toEqual(PASS_TWO);
    }
  });

  test("decides in a match, by type, and by each entry of a list", async () => {
    const claims = [
      { payload: "jwt_payload", claim: ["roles"], exact: "admin" },
      { payload: "jwt_payload", claim: ["level"], range: { from: 3 } },
    ];
    const rule = await limitBy(limited, byClaim("sub"), { match: { claims } });
    const matching = { sub: "mia", roles: ["user", "admin"], level: 3.5 };
    expect(await limited.statuses(3, token(matching))).toEqual(PASS_TWO);
    const others = [
      { ...matching, roles: ["administrator"] },
      { ...matching, level: "4" },
      { ...matching, level: null },
      { sub: "mia" },
    ];
    for (const other of others) expect(await limited.statuses(1, token(other))).toEqual([200]);
    expect(await limited.statuses(1)).toEqual([200]);
    expect(await limited.outcomes(rule)).toEqual({ allowed: 2, limited: 1 });
  });

  test("is missing when it is a structure, is absent, or there is no token", async () => {
    await limitBy(limited, byClaim("org"), { missing: "deny" });
    for (const claims of [{}, { org: { id: 1 } }, { org: [{}] }, { org: [] }, { org: null }, { org: "" }]) {
      expect(await limited.statuses(1, token(claims))).toEqual([429]);
    }
    expect(await limited.statuses(1)).toEqual([429]);
    expect(await limited.statuses(1, token({ org: "a" }))).toEqual([200]);
  });

  test("of a token that another issuer signed never counts", async () => {
    await limitBy(limited, byClaim("sub"));
    expect(await limited.statuses(3, token({ sub: "eve" }, other.privateKey))).toEqual([401, 401, 401]);
    expect(await limited.statuses(3, token({ sub: "eve" }))).toEqual(PASS_TWO);
  });
});
