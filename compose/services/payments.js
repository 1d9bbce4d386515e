// The last service of the demo: it calls no other.

import { serve } from "./lib.js";

serve({ calls: [], answer: () => ({ accepted: ["card", "invoice"] }) });
