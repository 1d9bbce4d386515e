// Keeps what was said: GET all of it, POST one more.

import { serveJson } from "../lib/http.js";
import { variable } from "../lib/listen.js";
import { query } from "../lib/postgres.js";

const database = variable("DATABASE_URL");

serveJson(Number(variable("PORT")), async (_url, body, { method }) => {
  if (method === "POST")
    await query(database, `INSERT INTO said (text) VALUES ('${body.replaceAll("'", "''")}')`);
  const rows = await query(database, "SELECT text FROM said ORDER BY id");
  return rows.map(([text]) => text);
});
