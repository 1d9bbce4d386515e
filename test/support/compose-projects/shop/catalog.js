// What the shop sells.

import { serveGrpc } from "../lib/grpc.js";
import { variable } from "../lib/listen.js";

const PRICES = { tea: 4, mug: 9, pot: 30 };

serveGrpc(Number(variable("GRPC_PORT")), {
  "/shop.Catalog/List": () => PRICES,
});
