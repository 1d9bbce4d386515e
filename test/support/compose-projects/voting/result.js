// Shows the votes.

import { serveJson } from "../lib/http.js";
import { query } from "../lib/postgres.js";

const PORT = 80;

serveJson(PORT, async () => {
  const rows = await query("postgres://postgres@db/postgres", "SELECT choice, count FROM votes");
  return Object.fromEntries(rows.map(([choice, count]) => [choice, Number(count)]));
});
