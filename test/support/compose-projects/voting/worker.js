// Takes votes out of the queue, and counts them in the database. It listens nowhere.

import { setTimeout as delay } from "node:timers/promises";
import { query } from "../lib/postgres.js";
import { redis } from "../lib/redis.js";
import { untilDone } from "../lib/retry.js";

const DATABASE = "postgres://postgres@db/postgres";
const PAUSE_MS = 200;

process.on("SIGTERM", () => process.exit(0));
await untilDone(() =>
  query(DATABASE, "CREATE TABLE IF NOT EXISTS votes (choice text PRIMARY KEY, count int NOT NULL)"),
);
for (;;) {
  const vote = await untilDone(() => redis("redis", 6379, "LPOP", "votes"));
  if (vote === null) {
    await delay(PAUSE_MS);
    continue;
  }
  const choice = String(JSON.parse(vote).for).replaceAll("'", "''");
  await untilDone(() =>
    query(
      DATABASE,
      `INSERT INTO votes VALUES ('${choice}', 1) ON CONFLICT (choice) DO UPDATE SET count = votes.count + 1`,
    ),
  );
}
