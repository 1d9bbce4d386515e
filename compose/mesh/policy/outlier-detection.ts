// Outlier detection in a mesh file: an instance that fails again and again gets no requests for a
// while. The names are Istio's.

import { z } from "zod";
import type { OutlierDetectionOptions } from "../../../envoy/config/outlier-detection.js";
import { duration } from "../../../filters/shared/rule-schema.js";
import { secondsOf, whole } from "./numbers.js";

export const OUTLIER_DEFAULTS = {
  consecutive5xxErrors: 5,
  consecutiveGatewayErrors: 0,
  interval: "30s",
  baseEjectionTime: "30s",
  maxEjectionTime: "5m",
  maxEjectionPercent: 50,
} as const;

export const outlierDetectionSchema = z
  .strictObject({
    consecutive5xxErrors: whole(0, 1000)
      .optional()
      .describe("After so many answers of 500 to 599 or broken connections in a row; 0 is off. Default 5."),
    consecutiveGatewayErrors: whole(0, 1000)
      .optional()
      .describe("The same for 502, 503 and 504 alone; 0 is off. Default 0."),
    interval: duration("100ms", "1h")
      .optional()
      .describe("How often it is looked whether an ejection is over. Default 30s."),
    baseEjectionTime: duration("100ms", "24h")
      .optional()
      .describe("How long the first ejection lasts; each further one lasts so much longer. Default 30s."),
    maxEjectionTime: duration("100ms", "24h")
      .optional()
      .describe("The longest ejection. Default 5m, or the base where that is more."),
    maxEjectionPercent: whole(1, 100)
      .optional()
      .describe("How many of a version's instances may be ejected at once, in percent. Default 50."),
  })
  .refine(
    ({ consecutive5xxErrors, consecutiveGatewayErrors = 0 }) =>
      consecutive5xxErrors !== 0 || consecutiveGatewayErrors !== 0,
    "ejects nothing: one of consecutive5xxErrors and consecutiveGatewayErrors must be above 0",
  );

export type OutlierDetectionPolicy = z.output<typeof outlierDetectionSchema>;

export function outlierDetectionOptions(policy: OutlierDetectionPolicy): OutlierDetectionOptions {
  const given = { ...OUTLIER_DEFAULTS, ...defined(policy) };
  const baseEjectionTimeSeconds = secondsOf(given.baseEjectionTime);
  return {
    consecutive5xx: given.consecutive5xxErrors,
    consecutiveGatewayFailure: given.consecutiveGatewayErrors,
    intervalSeconds: secondsOf(given.interval),
    baseEjectionTimeSeconds,
    maxEjectionTimeSeconds: Math.max(baseEjectionTimeSeconds, secondsOf(given.maxEjectionTime)),
    maxEjectionPercent: given.maxEjectionPercent,
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Partial<Defined<T>> {
  const given = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(given) as Partial<Defined<T>>;
}
