// Who a service of the demo is, and how it listens: at `PORT` of 127.0.0.1, until told to end.

export const service = process.env.SERVICE_NAME ?? "service";
export const version = process.env.SERVICE_VERSION ?? "v1";

/** @param {import("node:net").Server} server */
export function listen(server) {
  const port = Number(process.env.PORT ?? 8080);
  server.on("error", (error) => {
    process.stderr.write(`${service} ${version}: ${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, "127.0.0.1", () => {
    process.stdout.write(`${service} ${version} listens on 127.0.0.1:${port}\n`);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
}
