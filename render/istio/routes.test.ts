// Routes, versions and what else goes with them.

import { describe, expect, test } from "vitest";
import { crdProblems } from "../../test/support/crd-schemas.js";
import { ISTIO_API_RELEASES } from "../../test/support/make-crd-schemas.js";
import { namesOf, renderMeshText, resourceOf, specOf } from "../../test/support/render-istio.js";
import { toManifest } from "../yaml.js";

const mesh = (service: string, more = "") => `
name: shop
gateway: { routes: [{ prefix: /api, service: orders }, { prefix: /, service: web }] }
services:
  web: { versions: { v1: { command: web } }, calls: [orders] }
  orders: ${service}
${more}
`;

const TWO = "versions: { v1: { command: a }, v2: { command: b } }";
const ORDERS = "orders.default.svc.cluster.local";

describe("a VirtualService", () => {
  test("gives each version the requests for which the filter names it, and the default the rest", () => {
    const file = mesh(`{ ${TWO}, default: v2 }`).replace(
      "services:",
      "filters: [{ filter: header-routing, at: [outbound], config: { destinationHeader: x-to, rules: [] } }]\nservices:",
    );
    const { http, hosts } = specOf(renderMeshText(file), "VirtualService", "orders");
    expect(hosts).toEqual([ORDERS]);
    expect(http.map(({ match, route }: { match: unknown; route: unknown }) => [match, route])).toEqual([
      [[{ headers: { "x-to": { exact: "v1" } } }], [{ destination: { host: ORDERS, subset: "v1" } }]],
      [[{ headers: { "x-to": { exact: "v2" } } }], [{ destination: { host: ORDERS, subset: "v2" } }]],
      [undefined, [{ destination: { host: ORDERS, subset: "v2" } }]],
    ]);
  });

  test("sends copies by the name that the filter writes, beside those of the service's own mirror", () => {
    const rules = "[{ name: r, destination: v1, mirror: v2 }]";
    const withMirror = (own: string) =>
      mesh(`{ ${TWO}, default: v1${own} }`).replace(
        "services:",
        `filters: [{ filter: header-routing, at: [outbound], config: { rules: ${rules} } }]\nservices:`,
      );
    const routesOf = (own: string) => {
      const { http } = specOf(renderMeshText(withMirror(own)), "VirtualService", "orders");
      return (http as { name: string; match?: object; mirrors?: object }[]).map((each) => [
        each.name,
        each.match,
        each.mirrors,
      ]);
    };
    const to = (host: string, subset: string, value: number) => ({
      destination: { host, subset },
      percentage: { value },
    });
    const header = (name: string, exact: string) => ({ [`x-mesh-${name}`]: { exact } });
    const copy = [to(ORDERS, "v2", 100)];
    expect(routesOf("")).toEqual([
      [
        "orders-v1-copy-v2",
        [{ headers: { ...header("destination", "v1"), ...header("mirror", "v2") } }],
        copy,
      ],
      ["orders-v1", [{ headers: header("destination", "v1") }], undefined],
      ["orders-v2", [{ headers: header("destination", "v2") }], undefined],
      ["orders-copy-v2", [{ headers: header("mirror", "v2") }], copy],
      ["orders", undefined, undefined],
    ]);
    const web = to("web.default.svc.cluster.local", "v1", 5);
    expect(routesOf(", mirror: { service: web, percentage: 5 }")[0]?.[2]).toMatchObject([
      { percentage: web.percentage },
      ...copy,
    ]);
    expect(routesOf(", mirror: { version: v2, percentage: 5 }")[0]?.[2]).toEqual(copy);
    const { resources } = renderMeshText(withMirror(", mirror: { service: web, percentage: 5 }"));
    for (const release of ISTIO_API_RELEASES) {
      expect(crdProblems(toManifest(resources), release)).toEqual([]);
    }
  });

  test("follows no header where no filter writes one, so that a client's own decides nothing", () => {
    const { http } = specOf(renderMeshText(mesh(`{ ${TWO} }`)), "VirtualService", "orders");
    expect(http).toEqual([
      { name: "orders", route: [{ destination: { host: ORDERS, subset: "v1" } }], retries: { attempts: 0 } },
    ]);
  });

  test("says that nothing is retried, because Istio retries twice where nothing is said", () => {
    const rendered = renderMeshText(mesh("{ versions: { v1: { command: a } } }"));
    const orders = resourceOf(rendered.resources, "VirtualService", "orders");
    expect(orders?.notes).toEqual([
      { path: ["spec", "http", 0, "retries"], text: expect.stringContaining("Istio retries twice") },
    ]);
  });

  test("has times and retries as the file has them, at the gateway too", () => {
    const settings = `${TWO}, timeout: 1500ms, retries: { on: [5xx, reset, 429], attempts: 3, perTryTimeout: 250ms }`;
    const rendered = renderMeshText(mesh(`{ ${settings} }`));
    const expected = {
      timeout: "1500ms",
      retries: { attempts: 3, retryOn: "5xx,reset,429", perTryTimeout: "250ms" },
    };
    expect(specOf(rendered, "VirtualService", "orders").http[0]).toMatchObject(expected);
    expect(specOf(rendered, "VirtualService", "gateway").http[0]).toMatchObject(expected);
    expect(
      specOf(renderMeshText(mesh(`{ ${TWO}, timeout: 0s }`)), "VirtualService", "orders").http[0],
    ).not.toHaveProperty("timeout");
  });

  test("has the gateway's prefixes in their order, with the port of each service", () => {
    const rendered = renderMeshText(mesh(`{ ${TWO} }`), { port: ["orders=81"], host: ["shop.example"] });
    const { hosts, gateways, http } = specOf(rendered, "VirtualService", "gateway");
    expect([hosts, gateways]).toEqual([["shop.example"], ["gateway"]]);
    expect(http.map(({ match, route }: { match: unknown; route: unknown }) => [match, route])).toEqual([
      [
        [{ uri: { prefix: "/api" } }],
        [{ destination: { host: ORDERS, subset: "v1", port: { number: 81 } } }],
      ],
      [
        [{ uri: { prefix: "/" } }],
        [{ destination: { host: "web.default.svc.cluster.local", port: { number: 8080 } } }],
      ],
    ]);
    expect(specOf(rendered, "Gateway", "gateway").servers).toEqual([
      { port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["shop.example"] },
    ]);
  });

  test("goes to a Gateway that exists", () => {
    const rendered = renderMeshText(mesh(`{ ${TWO} }`), { useGateway: "edge/public" });
    expect(namesOf(rendered, "Gateway")).toEqual([]);
    expect(specOf(rendered, "VirtualService", "gateway").gateways).toEqual(["edge/public"]);
  });

  test("a status that Istio does not retry is refused with its line", () => {
    const file = mesh(`{ ${TWO}, retries: { on: [503, 499] } }`);
    expect(() => renderMeshText(file)).toThrow(
      /mesh\.yaml:6:\d+: services\.orders\.retries\.on\[1\]: Istio retries no status 499/,
    );
    const { warnings, ...rendered } = renderMeshText(file, { leaveOut: true });
    expect(warnings).toContainEqual(expect.stringMatching(/^left out: mesh\.yaml:6/));
    expect(specOf({ ...rendered, warnings }, "VirtualService", "orders").http[0].retries).toEqual({
      attempts: 1,
      retryOn: "503",
    });
  });
});

describe("what is outside the cluster", () => {
  const external = (versions: string, more = "") => renderMeshText(mesh(`{ versions: ${versions} }`, more));

  test("a URL becomes a ServiceEntry, to which the routes lead", () => {
    const rendered = external('{ v1: { command: a }, v2: { url: "http://api.example.com:8443" } }');
    expect(specOf(rendered, "ServiceEntry", "orders-v2")).toEqual({
      hosts: ["api.example.com"],
      location: "MESH_EXTERNAL",
      resolution: "DNS",
      ports: [{ number: 8443, name: "http", protocol: "HTTP" }],
    });
    expect(namesOf(rendered, "DestinationRule")).toEqual([]);
    expect(specOf(rendered, "Sidecar", "web").egress[0].hosts).toEqual([
      `./${ORDERS}`,
      "./api.example.com",
      "istio-system/*",
    ]);
  });

  test("with TLS that a sidecar begins, and the host that its certificate names", () => {
    const rendered = external('{ v1: { url: "https://api.example.com" } }');
    expect(specOf(rendered, "ServiceEntry", "orders-v1").ports).toEqual([
      { number: 80, name: "http", protocol: "HTTP", targetPort: 443 },
    ]);
    expect(specOf(rendered, "DestinationRule", "orders-v1-tls").trafficPolicy.portLevelSettings).toEqual([
      {
        port: { number: 80 },
        tls: { mode: "SIMPLE", sni: "api.example.com", subjectAltNames: ["api.example.com"] },
      },
    ]);
    expect(specOf(rendered, "VirtualService", "orders").http[0]).toMatchObject({
      rewrite: { authority: "api.example.com" },
      route: [{ destination: { host: "api.example.com", port: { number: 80 } } }],
    });
    expect(specOf(rendered, "Service", "orders").ports).toEqual([{ name: "http", port: 8080 }]);
  });

  test("an address has a name of its own, and HTTP/2 is said", () => {
    const rendered = external('{ v1: { url: "h2c://192.0.2.7:9000" } }');
    expect(specOf(rendered, "ServiceEntry", "orders-v1")).toEqual({
      hosts: ["orders-v1.default.external"],
      location: "MESH_EXTERNAL",
      resolution: "STATIC",
      ports: [{ number: 9000, name: "http2", protocol: "HTTP2" }],
      endpoints: [{ address: "192.0.2.7" }],
    });
  });

  test("two versions at one host are one entry", () => {
    const rendered = external(
      '{ v1: { url: "http://api.example.com:81" }, v2: { url: "http://api.example.com:82" } }',
    );
    expect(namesOf(rendered, "ServiceEntry")).toEqual(["orders-v1"]);
    expect(
      specOf(rendered, "ServiceEntry", "orders-v1").ports.map(({ name }: { name: string }) => name),
    ).toEqual(["http-81", "http-82"]);
  });

  test("this machine is not outside: it is pods in a cluster, which is told", () => {
    const rendered = external('{ v1: { command: a }, mine: { url: "http://127.0.0.1:9000" } }');
    expect(namesOf(rendered, "ServiceEntry")).toEqual([]);
    expect(specOf(rendered, "DestinationRule", "orders").subsets).toHaveLength(2);
    expect(rendered.warnings).toContainEqual(
      expect.stringMatching(
        /^mesh\.yaml:6:\d+: services\.orders\.versions\.mine\.url: .*labels app: orders and version: mine$/,
      ),
    );
  });

  test("a Service of the cluster needs no entry", () => {
    for (const host of ["other", "other.infra.svc", "other.infra.svc.cluster.local"]) {
      const rendered = external(`{ v1: { command: a }, v2: { url: "http://${host}:81" } }`);
      expect(namesOf(rendered, "ServiceEntry")).toEqual([]);
      const namespace = host === "other" ? "default" : "infra";
      expect(specOf(rendered, "VirtualService", "orders")).toBeDefined();
      expect(specOf(rendered, "Sidecar", "web").egress[0].hosts[1]).toBe(
        `${namespace === "default" ? "." : namespace}/other.${namespace}.svc.cluster.local`,
      );
    }
  });
});

describe("the services that filters call", () => {
  const LIMITED = `
filters:
  - filter: rate-limit
    at: [inbound]
    config:
      service: { cluster: limits, domain: shop }
      rules: [{ name: user, key: [{ header: x-user }], global: {} }]
grpcServices: { limits: { url: "URL" } }
`;
  const rendered = (url: string) => renderMeshText(mesh(`{ ${TWO} }`, LIMITED.replace("URL", url)));

  test("have the names that Istio gives their clusters", () => {
    const outside = rendered("http://limits.example:8081");
    expect(specOf(outside, "WasmPlugin", "orders-rate-limit").pluginConfig.service).toEqual({
      cluster: "outbound|8081||limits.example",
      domain: "shop",
    });
    expect(specOf(outside, "ServiceEntry", "limits").ports).toEqual([
      { number: 8081, name: "grpc", protocol: "GRPC" },
    ]);
  });

  test("on this machine are Services of the cluster, which is told", () => {
    const local = rendered("http://127.0.0.1:8081");
    expect(specOf(local, "WasmPlugin", "orders-rate-limit").pluginConfig.service.cluster).toBe(
      "outbound|8081||limits.default.svc.cluster.local",
    );
    expect(local.warnings).toContainEqual(
      expect.stringContaining("grpcServices.limits.url: http://127.0.0.1:8081 is this machine"),
    );
  });
});

describe("who may call whom", () => {
  const rendered = renderMeshText(mesh(`{ ${TWO} }`), {
    with: ["AuthorizationPolicy", "PeerAuthentication", "Telemetry", "outlierDetection"],
    gatewayNamespace: "istio-ingress",
  });

  test("a service takes calls from the gateway where it is routed, and from its callers", () => {
    expect(specOf(rendered, "AuthorizationPolicy", "orders-callers").rules).toEqual([
      {
        from: [
          {
            source: {
              principals: [
                "cluster.local/ns/istio-ingress/sa/istio-ingressgateway-service-account",
                "cluster.local/ns/default/sa/web",
              ],
            },
          },
        ],
      },
    ]);
    const alone = renderMeshText(
      mesh(`{ ${TWO} }`).replace("{ prefix: /api, service: orders }, ", "").replace(", calls: [orders]", ""),
      { with: ["AuthorizationPolicy"] },
    );
    const { rules, action } = specOf(alone, "AuthorizationPolicy", "orders-callers");
    expect([action, rules]).toEqual(["ALLOW", undefined]);
  });

  test("what is asked for is written, and nothing else", () => {
    expect(specOf(rendered, "PeerAuthentication", "default")).toEqual({ mtls: { mode: "STRICT" } });
    expect(specOf(rendered, "DestinationRule", "web").trafficPolicy.outlierDetection).toBeDefined();
    expect(namesOf(rendered, "Telemetry")).toHaveLength(1);
    const plain = renderMeshText(mesh(`{ ${TWO} }`), { without: ["Sidecar", "DestinationRule"] });
    for (const kind of [
      "AuthorizationPolicy",
      "PeerAuthentication",
      "Telemetry",
      "Sidecar",
      "DestinationRule",
    ]) {
      expect(namesOf(plain, kind)).toEqual([]);
    }
  });
});

describe("what no cluster takes, or Istio has no word for", () => {
  test("a name that ends in a hyphen", () => {
    expect(() => renderMeshText(mesh("{ versions: { v1-: { command: a } } }"), { leaveOut: true })).toThrow(
      /^no cluster takes this: mesh\.yaml:6:\d+: services\.orders\.versions\.v1-: "v1-" cannot be a name/,
    );
  });

  test("one of Envoy's own filters, with Istio's word for it", () => {
    const native =
      "filters: [{ filter: native, at: [gateway], config: { name: envoy.filters.http.cors, typed_config: { '@type': type.googleapis.com/x.Y } } }]";
    const file = mesh(`{ ${TWO} }`, native);
    expect(() => renderMeshText(file)).toThrow(
      /filters\[0\]\.config\.name: .*corsPolicy of a VirtualService/,
    );
    const { resources, warnings } = renderMeshText(file, { leaveOut: true });
    expect(resources.some(({ kind }) => kind === "WasmPlugin")).toBe(false);
    expect(warnings.some((line) => line.startsWith("left out: "))).toBe(true);
  });

  test("a port of a service that the mesh does not have", () => {
    expect(() => renderMeshText(mesh(`{ ${TWO} }`), { port: ["order=80"] })).toThrow('no service "order"');
  });
});

describe("how listeners read requests", () => {
  const patches = (text: string, name: string) =>
    specOf(renderMeshText(text), "EnvoyFilter", name)?.configPatches.map(
      ({ match, patch }: { match: { context: string }; patch: { value: { typed_config: object } } }) => [
        match.context,
        patch.value.typed_config,
      ],
    );

  test("a mesh without filters and without such options leaves Istio's own", () => {
    expect(patches(mesh(`{ ${TWO} }`), "gateway-listener")).toBeUndefined();
  });

  test("each option becomes a field of the connection manager", () => {
    const file = mesh(
      `{ ${TWO} }`,
      "listeners: { http10: true, mergeSlashes: false, idleTimeout: 1h, maxStreamDuration: 2h }",
    ).replace("gateway: { ", "gateway: { trustedHops: 2, escapedSlashes: reject, ");
    const common = {
      normalize_path: true,
      merge_slashes: false,
      http_protocol_options: { accept_http_10: true },
      stream_idle_timeout: "3600s",
      common_http_protocol_options: { max_stream_duration: "7200s" },
    };
    expect(patches(file, "gateway-listener")).toMatchObject([
      ["GATEWAY", { ...common, xff_num_trusted_hops: 2, path_with_escaped_slashes_action: "REJECT_REQUEST" }],
    ]);
    expect(patches(file, "sidecar-listeners")).toMatchObject([
      ["SIDECAR_INBOUND", common],
      ["SIDECAR_OUTBOUND", common],
    ]);
  });
});
