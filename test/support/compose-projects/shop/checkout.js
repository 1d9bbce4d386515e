// Sells what is in the cart. Where the other services are, its arguments say.

import { parseArgs } from "node:util";
import { callGrpc, serveGrpc } from "../lib/grpc.js";
import { getJson } from "../lib/http.js";

const option = /** @type {const} */ ({ type: "string", default: "" });
const { values } = parseArgs({
  options: {
    port: option,
    "cart-grpc": option,
    "catalog-grpc": option,
    "payment-grpc": option,
    shipping: option,
    email: option,
  },
});

serveGrpc(Number(values.port), {
  "/shop.Checkout/Buy": async ({ user }) => {
    const { items } = await callGrpc(values["cart-grpc"], "/shop.Cart/Empty", { user });
    const prices = await callGrpc(values["catalog-grpc"], "/shop.Catalog/List");
    const bought = String(items ?? "")
      .split(" ")
      .filter((item) => item !== "");
    const sum = bought.reduce((all, item) => all + (prices[item] ?? 0), 0);
    const paid = await callGrpc(values["payment-grpc"], "/shop.Payment/Charge", { user, sum });
    const shipped = await getJson(`${values.shipping}/quote?items=${bought.length}`);
    const told = await getJson(`${values.email}/send?user=${user}`);
    return { bought, sum, paid, shipped, told };
  },
});
