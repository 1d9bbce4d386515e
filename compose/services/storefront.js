// The demo's front: what a customer sees. Asks orders for the basket.

import { serve } from "./lib.js";

serve({ calls: ["orders"], answer: () => ({ page: "welcome" }) });
