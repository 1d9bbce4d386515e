// What every service of these projects does: it takes connections on all addresses of its
// container, as services do that know of no mesh, and ends when it is told to.

/**
 * @param {import("node:net").Server} server
 * @param {number} port
 */
export function listen(server, port) {
  server.listen(port, () => console.log(`listens on ${port}`));
  process.on("SIGTERM", () => process.exit(0));
}

/** The value of a variable that the compose file sets. @param {string} name */
export function variable(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the variable ${name} is not set`);
  return value;
}
