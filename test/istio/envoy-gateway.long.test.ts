// Our image under Envoy Gateway, on request (`npm run test:kubernetes`).

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findEnvoy } from "../../envoy/runtime/find.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { send } from "../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../kit/envoy/upstream.js";
import type { HeaderList } from "../../kit/traffic.js";
import { type Resource, toYaml } from "./support/control-plane.js";
import { type EnvoyGateway, startEnvoyGateway } from "./support/envoy-gateway.js";
import { type PushedImages, pushImages } from "./support/images.js";
import { onRequest } from "./support/on-request.js";
import { eventually } from "./support/shop.js";

const START_MS = 400_000;
const OURS = "gateway.envoyproxy.io/v1alpha1";
const GATEWAY_API = "gateway.networking.k8s.io/v1";

describe.skipIf(!onRequest.isWanted)(`Envoy Gateway without Kubernetes ${onRequest.how}`, () => {
  let images: PushedImages;
  let port: number;
  let orders: readonly Upstream[];
  let gateway: EnvoyGateway;
  let version: string;
  beforeAll(async () => {
    version = (await findEnvoy()).version;
    images = await pushImages(["header-routing", "rate-limit"]);
    orders = await Promise.all(
      ["v1", "v2"].map((name, i) => startUpstream({ name, address: `127.0.2.${i + 1}` })),
    );
    [port = 0] = await freePorts(1);
    gateway = await startEnvoyGateway(resources(policy()), port);
  }, START_MS);
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    for (const each of orders ?? []) await each[Symbol.asyncDispose]();
    await images?.[Symbol.asyncDispose]();
  });

  const call = (headers: HeaderList = [], where = "/") =>
    send(`http://127.0.0.1:${port}`, { headers, path: where });
  const upstream = async (headers?: HeaderList) => JSON.parse((await call(headers)).body).upstream;
  const premium = [["x-user-type", "premium"]] as const;

  /** header-routing for all requests of the gateway, or of one rule of the route. */
  const policy = (
    change: Readonly<Record<string, unknown>> = {},
    target: object = { kind: "Gateway", name: "front" },
  ): Resource => ({
    apiVersion: OURS,
    kind: "EnvoyExtensionPolicy",
    metadata: { name: "routing" },
    spec: {
      targetRefs: [{ group: "gateway.networking.k8s.io", ...target }],
      wasm: [
        {
          name: "header-routing",
          code: { type: "Image", image: { url: images.url("header-routing").replace("oci://", "") } },
          config: {
            rules: [
              {
                name: "premium",
                match: { headers: [{ name: "x-user-type", exact: "premium" }] },
                destination: "v2",
              },
            ],
          },
          ...change,
        },
      ],
    },
  });

  const resources = (...more: readonly Resource[]) =>
    toYaml(
      {
        apiVersion: GATEWAY_API,
        kind: "GatewayClass",
        metadata: { name: "stock" },
        spec: {
          controllerName: "gateway.envoyproxy.io/gatewayclass-controller",
          parametersRef: {
            group: "gateway.envoyproxy.io",
            kind: "EnvoyProxy",
            name: "stock",
            namespace: "envoy-gateway-system",
          },
        },
      },
      {
        apiVersion: OURS,
        kind: "EnvoyProxy",
        metadata: { name: "stock" },
        spec: { provider: { type: "Host", host: { envoyVersion: version } } },
      },
      {
        apiVersion: GATEWAY_API,
        kind: "Gateway",
        metadata: { name: "front" },
        spec: { gatewayClassName: "stock", listeners: [{ name: "http", protocol: "HTTP", port }] },
      },
      ...orders.map(({ name, port: to }, i) => ({
        apiVersion: OURS,
        kind: "Backend",
        metadata: { name },
        spec: { endpoints: [{ ip: { address: `127.0.2.${i + 1}`, port: to } }] },
      })),
      {
        apiVersion: GATEWAY_API,
        kind: "HTTPRoute",
        metadata: { name: "orders" },
        spec: {
          parentRefs: [{ name: "front" }],
          rules: [
            {
              name: "plain",
              matches: [{ path: { type: "PathPrefix", value: "/plain" } }],
              backendRefs: [{ group: "gateway.envoyproxy.io", kind: "Backend", name: "v1" }],
            },
            {
              name: "chosen",
              matches: [{ headers: [{ name: "x-mesh-destination", value: "v2" }] }],
              backendRefs: [{ group: "gateway.envoyproxy.io", kind: "Backend", name: "v2" }],
            },
            {
              name: "rest",
              backendRefs: [{ group: "gateway.envoyproxy.io", kind: "Backend", name: "v1" }],
            },
          ],
        },
      },
      ...more,
    );

  test("the image that Istio takes serves here too", async () => {
    await eventually(async () => expect(await upstream(premium)).toBe("v2"));
    expect(await upstream()).toBe("v1");
  });

  test("a policy of rules, by their names, runs on these alone", async () => {
    const refuse = { code: { type: "Image", image: { url: `${images.registry}/mesh/missing:1` } } };
    await gateway.apply(
      resources(policy(refuse, { kind: "HTTPRoute", name: "orders", sectionName: "plain" })),
    );
    await eventually(async () => expect((await call([], "/plain")).status).toBe(500));
    expect((await call()).status).toBe(200);
    await gateway.apply(resources(policy()));
    await eventually(async () => expect(await upstream(premium)).toBe("v2"));
  });

  test("a proxy that runs keeps its last good settings where the filter refuses new ones", async () => {
    await gateway.apply(resources(policy({ config: { rules: "none" } })));
    await eventually(async () => expect(gateway.logs()).toContain("/http' config rejected"));
    expect(await upstream(premium)).toBe("v2");
    await gateway.apply(resources(policy()));
    await eventually(async () => expect(await upstream(premium)).toBe("v2"));
  });

  test("settings that a module refuses which the proxy has not had yet fail every request", async () => {
    const image = { url: images.url("rate-limit").replace("oci://", "") };
    const other = { name: "rate-limit", code: { type: "Image", image }, config: { rules: "none" } };
    await gateway.apply(resources(policy(other)));
    await eventually(async () => expect((await call()).status).toBe(503));
    await gateway.apply(resources(policy()));
    await eventually(async () => expect(await upstream(premium)).toBe("v2"));
  });

  test.each([
    [undefined, 500],
    [true, 200],
  ] as const)("an image that is missing, with failOpen %s, gives %d", async (failOpen, status) => {
    const image = { url: `${images.registry}/mesh/missing:1` };
    const change = { code: { type: "Image", image }, ...(failOpen === undefined ? {} : { failOpen }) };
    await gateway.apply(resources(policy(change)));
    await eventually(async () => {
      expect((await call(premium)).status).toBe(status);
      if (status === 200) expect(await upstream(premium)).toBe("v1");
    });
    await gateway.apply(resources(policy()));
    await eventually(async () => expect(await upstream(premium)).toBe("v2"));
  });
});
