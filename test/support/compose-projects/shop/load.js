// A customer who comes again and again.

import { getJson } from "../lib/http.js";
import { variable } from "../lib/listen.js";

const PAUSE_MS = 1_000;

setInterval(() => {
  getJson(`http://${variable("FRONTEND_ADDR")}/`).catch((error) => console.log(String(error)));
}, PAUSE_MS);
