// The suite that every filter passes, run on template.

import { describeFilter } from "../../kit/vitest.js";

describeFilter("template", {
  accepted: [
    { values: ["one"] },
    { values: ["one", "two"], header: "x-tenant", shadow: true },
    { values: ["~".repeat(256)], header: "x".repeat(128), shadow: false },
  ],
  refused: [
    [[], "configuration"],
    [{}, "values"],
    [{ values: "one" }, "values"],
    [{ values: [] }, "values"],
    [{ values: Array.from({ length: 101 }, () => "x") }, "values"],
    [{ values: ["one", ""] }, "values[1]"],
    [{ values: [1] }, "values[0]"],
    [{ values: ["with space"] }, "values[0]"],
    [{ values: ["~".repeat(257)] }, "values[0]"],
    [{ values: ["one"], header: "X-Tenant" }, "header"],
    [{ values: ["one"], header: null }, "header"],
    [{ values: ["one"], header: "x".repeat(129) }, "header"],
    [{ values: ["one"], shadow: 1 }, "shadow"],
    [{ values: ["one"], shaddow: true }, "shaddow"],
  ],
  requests: [{ headers: [["x-api-key", "one"]] }, { headers: [["x-api-key", "other"]] }, {}],
});
