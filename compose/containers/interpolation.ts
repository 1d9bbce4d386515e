// What compose replaces in the texts of a compose file.

/** What the file beside the compose file, or the environment, must say. */
export function variable(name: string): string {
  return `\${${name}:?see .env}`;
}

/** A text in which compose replaces nothing. */
export function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}
