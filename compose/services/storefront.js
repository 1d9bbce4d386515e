// The first service of the demo, which customers see. It asks orders for the basket.

import { serve } from "./lib.js";

serve({ calls: ["orders"], answer: () => ({ page: "welcome" }) });
