// Advertises one thing.

import { serveJson } from "../lib/http.js";

const PORT = 9_555;

serveJson(PORT, () => ["buy a pot"]);
