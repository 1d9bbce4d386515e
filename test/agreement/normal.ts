// The one place that removes values that are never the same twice: dates, random ids and durations.
// Everything else is compared as it is.

import type { HeaderList } from "../../kit/traffic.js";

/** For each header, the text that replaces its value when the value has the expected form. */
const VARYING: Readonly<Record<string, readonly [shape: RegExp, shown: string]>> = {
  date: [/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, "DATE"],
  "x-request-id": [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "ID"],
  "x-envoy-upstream-service-time": [/^\d+$/, "MS"],
};
/**
 * Ids that the scenarios' requests carry. Any other value that looks like a trace or span id was
 * drawn at random.
 */
export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
export const SHORT_TRACE_ID = "a3ce929d0e0e4736";
export const SPAN_ID = "00f067aa0ba902b7";
const KNOWN_IDS = new Set([TRACE_ID, SPAN_ID, SHORT_TRACE_ID, SHORT_TRACE_ID.padStart(32, "0")]);
/** An id of a visitor that is not the scenarios' own, and its signature. */
const NEW_VISITOR = /=(?!0123456789abcdef0123456789abcdef)[0-9a-f]{32}(\.[0-9a-f]{16})?;/;
const KNOWN_BASE64 = Buffer.from(TRACE_ID).toString("base64");
const TRACE_HEADER = /^(traceparent|b3|x-b3-.*|x-trace.*|x-amzn-trace-id|x-datadog-tags|sw8)$/;
/** Headers with an id in decimal digits at the end of ids. */
const DECIMAL_ID = /^(x-cloud-trace-context|x-datadog-(trace|parent)-id)$/;

const ATTEMPT = "x-envoy-attempt-count";
const TIME_LEFT = "x-envoy-expected-rq-timeout-ms";

/**
 * Headers without values that vary. Pseudo-headers come first, sorted by name, since each protocol
 * has its own order for them.
 */
export function normalHeaders(headers: HeaderList): HeaderList {
  // The time left for a retry depends on how long the attempts before it took.
  const isRetry = headers.some(([name, value]) => name === ATTEMPT && value !== "1");
  const shown = headers.map(([name, value]) => {
    const lower = name.toLowerCase() === "host" ? ":authority" : name.toLowerCase();
    if (lower === TIME_LEFT && isRetry) return [lower, "MS"] as const;
    if (DECIMAL_ID.test(lower))
      return [lower, withoutNewIds(value.replace(/\d{10,}(?=;|$)/, "NEW"))] as const;
    if (TRACE_HEADER.test(lower)) return [lower, withoutNewIds(value)] as const;
    if (lower === "set-cookie") return [lower, value.replace(NEW_VISITOR, "=NEW;")] as const;
    const [shape, instead] = VARYING[lower] ?? [];
    return [lower, shape?.test(value) ? (instead ?? value) : value] as const;
  });
  const isPseudo = ([name]: readonly [string, string]) => name.startsWith(":");
  const pseudo = shown.filter(isPseudo).sort(([a], [b]) => (a < b ? -1 : 1));
  return [...pseudo, ...shown.filter((header) => !isPseudo(header))];
}

function withoutNewIds(value: string): string {
  return value
    .replaceAll(/\b([0-9a-f]{8})-([0-9a-f]{24})\b/g, "$1$2")
    .replaceAll(/\b[0-9a-f]{16}(?:[0-9a-f]{16})?\b/g, (id) => (KNOWN_IDS.has(id) ? id : `NEW${id.length}`))
    .replaceAll(/(?<=-)[A-Za-z0-9+/]{43}=/g, (id) => (id === KNOWN_BASE64 ? id : "NEW44"));
}

/** A log line without values that vary: ids of requests or traces that a filter was told. */
export function normalLine(line: string): string {
  return line
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/\w{3},%20\d\d%20\w{3}%20\d{4}%20\d\d:\d\d:\d\d%20GMT/g, "DATE")
    .replaceAll(/(x-envoy-upstream-service-time=)\d+/g, "$1MS");
}

/**
 * Metrics in the order of their names. A hash in a label, such as that of a budget's books, is of
 * the `vm_id` too, which differs on both sides: those that differ only in it are added up.
 */
export function normalMetrics(
  metrics: Iterable<readonly [name: string, value: number]>,
): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const [name, value] of metrics) {
    const plain = name.replace(/;books=[0-9a-f]{16}/, ";books=HASH");
    sums.set(plain, (sums.get(plain) ?? 0) + value);
  }
  return Object.fromEntries([...sums].sort());
}
