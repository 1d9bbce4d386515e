// How Envoy's configuration names the type of an extension's configuration, and how it writes
// lengths of time.
import { MeshwrightError } from "../errors.js";

/** An extension's configuration: its fields, and the name of the message they belong to. */
export interface TypedConfig {
  readonly "@type": string;
  readonly [field: string]: unknown;
}

/**
 * An extension's configuration in the form Envoy's `typed_config` fields take.
 * @param type the full name of the message, without the `type.googleapis.com/` before it
 */
export function typedConfig(type: string, fields: Readonly<Record<string, unknown>> = {}): TypedConfig {
  return { "@type": typeUrl(type), ...fields };
}

/** The URL that names a message's type. */
export function typeUrl(type: string): string {
  return `type.googleapis.com/${type}`;
}

/**
 * A length of time as Envoy writes it, to the nearest millisecond; more than 0 never becomes 0.
 * @param seconds 0 or more
 * @param what the option's name, for the error
 * @throws MeshwrightError `configuration` when the number is negative or not finite
 */
export function duration(seconds: number, what: string): string {
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw new MeshwrightError(
      "configuration",
      `${what} is ${seconds}, which is not a length of time: give a number of seconds, 0 or more`,
    );
  }
  // Envoy counts in milliseconds and often reads 0 as "no limit". A tiny limit must not become 0.
  return `${seconds === 0 ? 0 : Math.max(Number(seconds.toFixed(3)), 0.001)}s`;
}
