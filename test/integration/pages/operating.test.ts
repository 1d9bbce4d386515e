import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { compileProbe } from "../../support/compile-probe.js";
import { makePlace, startGateway } from "./gateway.js";
test("traps", async () => {
  const module = "/tmp/rel-tools/traps.wasm";
  await compileProbe("traps", module);
  for (const failurePolicy of ["FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"] as const) {
    await using envoy = await startEnvoy({ filters: [{ name: "traps", module, failurePolicy }], workers: 1 });
    const out = [];
    out.push((await send(envoy.url)).status, (await send(envoy.url, { headers: [["x-do", "unreachable"]] })).status);
    for (let i = 0; i < 40; i++) { out.push((await send(envoy.url)).status); await new Promise((r) => setTimeout(r, 20)); }
    console.log(failurePolicy, JSON.stringify(out));
  }
});
test("ecds refused at start", async () => {
  await using place = await makePlace();
  await writeFile(path.join(place.folder, "filters/rate-limit.yaml"), place.here(`resources:
  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: rate-limit
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
      config:
        name: rate-limit
        vm_config:
          runtime: envoy.wasm.runtime.v8
          vm_id: rate-limit
          code: { local: { filename: /etc/envoy/rate-limit.wasm } }
        configuration:
          "@type": type.googleapis.com/google.protobuf.StringValue
          value: '{"rulez": []}'
        failure_policy: FAIL_RELOAD
`));
  const t0 = Date.now();
  await using envoy = await startGateway(place, (text) => text.replace(/- name: rate-limit\n[\s\S]*?failure_policy: FAIL_RELOAD\n/, `- name: rate-limit
                    config_discovery:
                      config_source:
                        path_config_source: { path: /etc/envoy/filters/rate-limit.yaml }
                        resource_api_version: V3
                      type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm]
`));
  console.log("ready after", Date.now() - t0);
  for (let i=0;i<3;i++) { const a = await send(place.url).catch((e) => ({status: String(e), body: ""})); console.log(a.status, a.body); }
  console.log(envoy.logs().split("\n").filter(l => /rate-limit/.test(l)).slice(-4).join("\n"));
  console.log([...(await envoy.admin.stats("extension_config_discovery"))]);
});
