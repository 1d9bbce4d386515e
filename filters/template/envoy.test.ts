// The filter in stock Envoy: what the client gets, and what the upstream sees.

import { expect, test } from "vitest";
import { filterModule, send, startEnvoy, startUpstream } from "../../kit/index.js";

test("a request passes with one of the values, and with no other", async () => {
  await using upstream = await startUpstream();
  await using envoy = await startEnvoy({
    filters: [
      { name: "template", module: await filterModule("template"), configuration: { values: ["one"] } },
    ],
    upstreams: { upstream },
  });
  expect(await send(envoy.url, { headers: [["x-api-key", "one"]] })).toMatchObject({ status: 200 });
  expect(await send(envoy.url, { headers: [["x-api-key", "two"]] })).toMatchObject({ status: 403 });
  expect(await send(envoy.url)).toMatchObject({ status: 403 });
  expect(await envoy.accessLog(3)).toMatchObject([
    { status: 200 },
    { status: 403, details: "template_unknown" },
    { status: 403, details: "template_missing" },
  ]);
});
