// The middle service of the demo. Version 1 and version 2 give different answers, which show at a
// glance which version served. Version 2 asks the stock over gRPC, too.

import { callGrpc } from "./grpc.js";
import { serve } from "./lib.js";
import { readLevel, writeItem } from "./stock-messages.js";

const BASKET = [
  { item: "tea", price: 4.2 },
  { item: "mug", price: 9.5 },
];

const total = BASKET.reduce((sum, line) => sum + line.price, 0);

serve({
  calls: ["payments"],
  asks: (version) => (version === "v1" ? {} : { stock: askStock }),
  answer: (version) =>
    version === "v1"
      ? { total }
      : { total, currency: "EUR", lines: BASKET, discount: "10 % for trying the new orders" },
});

/**
 * @param {string} url
 * @param {Record<string, string>} headers
 */
async function askStock(url, headers) {
  const left = await Promise.all(
    BASKET.map(async ({ item }) => [
      item,
      readLevel(await callGrpc(url, "/shop.Stock/Check", writeItem(item), headers)),
    ]),
  );
  return { left: Object.fromEntries(left) };
}
