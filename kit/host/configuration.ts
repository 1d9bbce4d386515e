// A configuration as the bytes that a module reads, the same as in stock Envoy.

import type { Json } from "../../envoy/config/json.js";
import { refused } from "./proxy-options.js";

/**
 * The configuration as JSON text, empty when there is none.
 * @param what whose configuration it is, for the error
 * @throws MeshwrightError `configuration` for a value that JSON cannot express
 */
export function configurationBytes(configuration: Json | undefined, what = "the configuration"): Buffer {
  if (configuration === undefined) return Buffer.alloc(0);
  let reason = "it is not an object, a list, text, a number, true, false or null";
  try {
    const text: string | undefined = JSON.stringify(configuration);
    if (text !== undefined) return Buffer.from(text);
  } catch (error) {
    reason = String(error).split("\n", 1)[0] as string;
  }
  throw refused(`${what} is not a JSON value (${reason}): give one, such as { "values": ["one"] }`);
}
