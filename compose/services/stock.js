// The gRPC service of the demo: how many of an item are left. stock.proto describes it.

import { GrpcError, NOT_FOUND, serveGrpc } from "./grpc.js";
import { readItem, writeLevel } from "./stock-messages.js";

const LEFT = new Map([
  ["tea", 12],
  ["mug", 3],
]);

serveGrpc({
  "/shop.Stock/Check": (message) => {
    const item = readItem(message);
    const left = LEFT.get(item);
    if (left === undefined) throw new GrpcError(NOT_FOUND, `the shop does not sell "${item}"`);
    return writeLevel(left);
  },
});
