// Says what shipping costs, by the rates of another service.

import { getJson, serveJson } from "../lib/http.js";
import { variable } from "../lib/listen.js";

const rates = `http://${variable("RATES_HOST")}:${variable("RATES_PORT")}/`;

serveJson(Number(variable("PORT")), async ({ searchParams }) => {
  const { each } = /** @type {{ each: number }} */ (await getJson(rates));
  return { cost: each * Number(searchParams.get("items")) };
});
