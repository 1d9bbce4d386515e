import { test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { makePlace, startGateway } from "./gateway.js";
test("x", async () => {
  await using place = await makePlace();
  await using envoy = await startGateway(place);
  const t = place.token({ sub: "ann" });
  for (const headers of [[], [["authorization", `Bearer ${t}`]], [["authorization", "Bearer x"]], [["host","acme.shop.example"]], [["x-mesh-destination","v2"]], [["x-drill","abort"]]] as [string,string][][]) {
    const a = await send(place.url, { headers });
    console.log(JSON.stringify(headers), a.status, a.body.slice(0, 60), JSON.stringify(a.headers));
  }
  for (let i=0;i<6;i++) console.log((await send(place.url, {headers: [["authorization", `Bearer ${t}`]]})).status);
  const pre = await send(place.url, { method: "OPTIONS", headers: [["origin","https://shop.example"],["access-control-request-method","GET"]]});
  console.log(pre.status, JSON.stringify(pre.headers));
  console.log(place.authz.requests.length);
  const p = await envoy.admin.prometheus();
  console.log(p.split("\n").filter((l) => /meshwright|wasm|^# TYPE envoy_(http_down|cluster_upstream_rq)/.test(l)).join("\n"));
});
