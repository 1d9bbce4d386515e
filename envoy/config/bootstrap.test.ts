import { expect, test } from "vitest";
import { bootstrap } from "./bootstrap.js";
import { statsTags } from "./stats-tags.js";

const options = { node: { id: "orders-1", cluster: "orders" }, adminPort: 9901, listeners: [], clusters: [] };

test("the admin interface listens on this machine only by default", () => {
  expect(bootstrap({ ...options, adminAddress: "0.0.0.0" }).admin.address).toEqual({
    socket_address: { address: "0.0.0.0", port_value: 9901 },
  });
  expect(bootstrap(options).admin.address).toEqual({
    socket_address: { address: "127.0.0.1", port_value: 9901 },
  });
});

test("tags are written only when they are asked for", () => {
  expect(bootstrap(options)).not.toHaveProperty("stats_config");
  const tags = statsTags(["rule"]);
  expect(bootstrap({ ...options, statsTags: tags }).stats_config?.stats_tags).toEqual(tags);
});
