// Takes money.

import { serveGrpc } from "../lib/grpc.js";

const PORT = 50_051;

serveGrpc(PORT, {
  "/shop.Payment/Charge": ({ user, sum }) => ({ from: user, charged: sum }),
});
