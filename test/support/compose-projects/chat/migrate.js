// Makes the table, and ends.

import { variable } from "../lib/listen.js";
import { query } from "../lib/postgres.js";

await query(variable("DATABASE_URL"), "CREATE TABLE IF NOT EXISTS said (id serial, text text)");
