// What becomes of a mesh file's identity and of its rules in Istio.

import { describe, expect, it } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { renderMeshText, specOf } from "../../test/support/render-istio.js";

const mesh = (more: string, web = "") => `
name: shop
gateway: { routes: [{ prefix: /, service: web }] }
services:
  web:
    versions: { v1: { command: x } }
${web}
${more}
`;

it.each([
  ["", "STRICT"],
  ["identity: { mode: permissive }", "PERMISSIVE"],
  ["identity: { mode: off }", "DISABLE"],
])("%s is mTLS of the mode %s", (identity, mode) => {
  const rendered = renderMeshText(mesh(identity), { with: ["PeerAuthentication"] });
  expect(specOf(rendered, "PeerAuthentication", "default")).toEqual({ mtls: { mode } });
});

describe("what would mean something else", () => {
  it.each([
    ["access: { denyByDefault: true }", "", /mesh\.yaml:\d+:\d+:? .*Istio decides by other rules/],
    ["", "    deny: [{ from: gateway }]", /mesh\.yaml:\d+:\d+:? .*Istio decides by other rules/],
  ])("is refused with its line: %s%s", (more, web, reason) => {
    const refused = () => renderMeshText(mesh(more, web));
    expect(refused).toThrow(MeshwrightError);
    expect(refused).toThrow(reason);
    expect(renderMeshText(mesh(more, web), { leaveOut: true }).warnings.join("\n")).toMatch(/other rules/);
  });

  it("and the gateway's certificates, unless the Gateway is one's own", () => {
    const text = mesh("").replace("routes:", "tls: [{ host: shop.localhost }], routes:");
    expect(() => renderMeshText(text)).toThrow(/certificates are files of this machine/);
    expect(renderMeshText(text, { useGateway: "own" }).resources.length).toBeGreaterThan(0);
  });
});
