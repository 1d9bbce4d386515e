// Writes the table of circuit-breaker's page: `npm run trips`.

import { tripTable } from "./table.js";

console.log((await tripTable()).join("\n"));
