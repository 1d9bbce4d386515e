// A configuration as the bytes that a module reads, the same as stock Envoy gives it.

import type { Json } from "../../envoy/config/json.js";
import { refused } from "./proxy-options.js";

/**
 * JSON text; nothing where there is no configuration.
 * @param what whose it is, for the error
 * @throws MeshwrightError `configuration` for what JSON has no text for
 */
export function configurationBytes(configuration: Json | undefined, what = "the configuration"): Buffer {
  if (configuration === undefined) return Buffer.alloc(0);
  let reason = "it is none of an object, a list, text, a number, true, false and null";
  try {
    const text: string | undefined = JSON.stringify(configuration);
    if (text !== undefined) return Buffer.from(text);
  } catch (error) {
    reason = String(error).split("\n", 1)[0] as string;
  }
  throw refused(`${what} is no JSON value (${reason}): give one, such as { "values": ["one"] }`);
}
