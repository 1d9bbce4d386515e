// The shop's page, made of what the other services say.

import { callGrpc } from "../lib/grpc.js";
import { getJson, serveJson } from "../lib/http.js";
import { variable } from "../lib/listen.js";

serveJson(Number(variable("PORT")), async ({ pathname, searchParams }) => {
  const user = searchParams.get("user") ?? "anybody";
  switch (pathname) {
    case "/":
      return {
        products: await callGrpc(variable("CATALOG_SERVICE_ADDR"), "/shop.Catalog/List"),
        ads: await getJson(variable("ADS_URL")),
        recommended: await getJson(variable("RECOMMENDATION_URL")),
        inYen: await callGrpc(variable("CURRENCY_SERVICE_ADDR"), "/shop.Currency/Convert", { euros: 2 }),
      };
    case "/add":
      return callGrpc(variable("CART_GRPC_ADDR"), "/shop.Cart/Add", { user, item: searchParams.get("item") });
    case "/buy":
      return callGrpc(variable("CHECKOUT_GRPC_ADDR"), "/shop.Checkout/Buy", { user });
    default:
      throw new Error(`there is no ${pathname}`);
  }
});
