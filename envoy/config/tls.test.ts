import { expect, it } from "vitest";
import { downstreamTls, upstreamTls } from "./tls.js";

it("requires a name by SNI and in the certificate", () => {
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

it("requires an address in the certificate only, because SNI knows only names", () => {
  const { typed_config } = upstreamTls({ serverName: "::1", caFile: "/ca.pem" }, "http2");
  expect(typed_config).not.toHaveProperty("sni");
  expect(JSON.stringify(typed_config)).toContain('{"san_type":"IP_ADDRESS","matcher":{"exact":"::1"}}');
});

const files = { certFile: "/cert.pem", keyFile: "/key.pem" };
const shown = [{ certificate_chain: { filename: "/cert.pem" }, private_key: { filename: "/key.pem" } }];

it("shows a certificate to a server only when there is one, and refuses half of one", () => {
  const to = { serverName: "shop.example", caFile: "/ca.pem" };
  expect(upstreamTls({ ...to, ...files }, "http1").typed_config).toMatchObject({
    common_tls_context: { tls_certificates: shown },
  });
  expect(JSON.stringify(upstreamTls(to, "http1"))).not.toContain("tls_certificates");
  expect(() => upstreamTls({ ...to, certFile: "/cert.pem" }, "http1")).toThrow(
    /shop\.example: keyFile is missing/,
  );
});

it("requires a certificate of clients only when their authority is given", () => {
  expect(downstreamTls({ ...files, clientCaFile: "/ca.pem" }).typed_config).toMatchObject({
    require_client_certificate: true,
    common_tls_context: {
      alpn_protocols: ["h2", "http/1.1"],
      tls_certificates: shown,
      validation_context: { trusted_ca: { filename: "/ca.pem" } },
    },
  });
  const open = JSON.stringify(downstreamTls(files));
  expect(open).not.toMatch(/require_client_certificate|validation_context/);
});
