// The demo's end: calls nobody.

import { serve } from "./lib.js";

serve({ calls: [], answer: () => ({ accepted: ["card", "invoice"] }) });
