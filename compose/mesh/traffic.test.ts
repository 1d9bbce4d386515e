import { expect, it } from "vitest";
import { trafficRequest } from "./traffic.js";

const mix = (count: number) => Array.from({ length: count }, (_, n) => trafficRequest(n, ["/", "/api"]));

it("mixes plain requests, groups and two hundred single users", () => {
  const headers = mix(2_000).map((request) => request.headers);
  const having = (name: string) => headers.filter((each) => name in each).length;
  expect(headers.filter((each) => Object.keys(each).length === 0)).toHaveLength(200);
  expect(having("x-user-type")).toBe(200);
  expect(having("x-user-group")).toBe(200);
  expect(having("end-user")).toBe(200);
  const users = new Set(headers.flatMap((each) => each["x-user-id"] ?? []));
  expect(users.size).toBe(200);
  expect(users).toContain("user-1");
  expect(users).toContain("user-200");
});

it("requests every prefix in turn", () => {
  expect(new Set(mix(40).map((request) => request.path))).toEqual(new Set(["/", "/api"]));
});
