// Keeps what each user wants to buy, in Redis.

import { serveGrpc } from "../lib/grpc.js";
import { variable } from "../lib/listen.js";
import { redis } from "../lib/redis.js";

const [, port] = variable("LISTEN_ADDR").split(":");
const [store = "", storePort] = variable("REDIS_ADDR").split(":");

/** @param {string[]} words */
const ask = (...words) => redis(store, Number(storePort), ...words);

serveGrpc(Number(port), {
  "/shop.Cart/Add": async ({ user, item }) => {
    await ask("APPEND", `cart:${user}`, `${item} `);
    return { items: await ask("GET", `cart:${user}`) };
  },
  "/shop.Cart/Empty": async ({ user }) => ({ items: await ask("GETDEL", `cart:${user}`) }),
});
