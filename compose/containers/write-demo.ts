// `npm run compose-file`: writes the demo mesh as files for Docker.

import { fileURLToPath } from "node:url";
import { writeDemo } from "./demo.js";

await writeDemo(fileURLToPath(new URL("..", import.meta.url)));
