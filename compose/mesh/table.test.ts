import { describe, expect, it } from "vitest";
import type { VersionFigures } from "./figures.js";
import { renderTable, type TableInput } from "./table.js";

const figures = (service: string, version: string, requests: number, serverErrors = 0): VersionFigures => ({
  service,
  version,
  requests,
  ok: requests - serverErrors,
  clientErrors: 0,
  serverErrors,
});

const table = (input: Partial<TableInput>) =>
  renderTable({ now: [], seconds: 1, width: 80, colours: false, ...input });

describe("renderTable", () => {
  it("shows counts, rates and shares of a service", () => {
    expect(
      table({
        now: [figures("orders", "v1", 90, 2), figures("orders", "v2", 30), figures("payments", "v1", 0)],
        before: [figures("orders", "v1", 70), figures("orders", "v2", 25), figures("payments", "v1", 0)],
        seconds: 2,
      }),
    ).toEqual([
      "service   version  requests  per s   share  2xx  4xx  5xx",
      "orders    v1             90   10.0  75.0 %   88    0    2",
      "orders    v2             30    2.5  25.0 %   30    0    0",
      "payments  v1              0    0.0       -    0    0    0",
    ]);
  });

  it("shows the states of filters where there are some", () => {
    const now = [
      figures("orders", "v1", 9),
      { ...figures("payments", "v1", 3), state: "payments open" },
      { ...figures("stock", "v1", 2), state: "" },
    ];
    expect(table({ now }).map((line) => line.slice(-13))).toEqual([
      "        state",
      "            -",
      "payments open",
      "            -",
    ]);
  });

  it("shows no rate at the first reading", () => {
    expect(table({ now: [figures("orders", "v1", 90)] })[1]).toContain(" 0.0 ");
  });

  it.each([20, 40, 50, 60])("is no wider than %i columns", (width) => {
    const now = [figures("a-service-with-a-very-long-name", "version-1", 123_456)];
    for (const line of table({ now, width })) expect(line.length).toBeLessThanOrEqual(width);
  });

  it("shortens the names and not the figures", () => {
    const now = [figures("a-service-with-a-very-long-name", "version-1", 123_456)];
    expect(table({ now, width: 60 })[1]).toBe("a-se…  version-1    123456    0.0  100.0 %  123456    0    0");
  });

  it("uses colours only on request", () => {
    const now = [figures("orders", "v1", 5, 1)];
    expect(table({ now }).join("")).not.toContain("\u001b");
    expect(table({ now, colours: true })[1]).toBe(`\u001b[31m${table({ now })[1]}\u001b[0m`);
  });
});
