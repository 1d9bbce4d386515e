// Converts euros to yen.

import { serveGrpc } from "../lib/grpc.js";
import { variable } from "../lib/listen.js";

const YEN = 160;

serveGrpc(Number(variable("PORT")), {
  "/shop.Currency/Convert": ({ euros }) => ({ yen: euros * YEN }),
});
