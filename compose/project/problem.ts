// What is wrong with a compose project.

import { MeshwrightError } from "../../envoy/errors.js";

/** @param place `file:line:column`, or the file, or nothing where no file is to blame */
export function refused(place: string, reason: string, details: readonly string[] = []): MeshwrightError {
  const where = place === "" ? "" : `${place}: `;
  return new MeshwrightError("configuration", `compose file refused: ${where}${reason}`, details);
}
