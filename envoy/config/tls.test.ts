import { expect, it } from "vitest";
import { upstreamTls } from "./tls.js";

it("asks for a name by SNI and in the certificate", () => {
  const { typed_config } = upstreamTls({ serverName: "shop.example", caFile: "/ca.pem" }, "http1");
  expect(typed_config).toMatchObject({
    sni: "shop.example",
    common_tls_context: {
      alpn_protocols: ["http/1.1"],
      validation_context: {
        trusted_ca: { filename: "/ca.pem" },
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "shop.example" } }],
      },
    },
  });
});

it("asks for an address in the certificate alone, since SNI knows names only", () => {
  const { typed_config } = upstreamTls({ serverName: "::1", caFile: "/ca.pem" }, "http2");
  expect(typed_config).not.toHaveProperty("sni");
  expect(JSON.stringify(typed_config)).toContain('{"san_type":"IP_ADDRESS","matcher":{"exact":"::1"}}');
});
