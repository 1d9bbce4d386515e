// The middle service of the demo. Version 1 and version 2 give different answers, which show at a
// glance which version served.

import { serve } from "./lib.js";

const BASKET = [
  { item: "tea", price: 4.2 },
  { item: "mug", price: 9.5 },
];

const total = BASKET.reduce((sum, line) => sum + line.price, 0);

serve({
  calls: ["payments"],
  answer: (version) =>
    version === "v1"
      ? { total }
      : { total, currency: "EUR", lines: BASKET, discount: "10 % for trying the new orders" },
});
