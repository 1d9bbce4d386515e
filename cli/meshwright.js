#!/usr/bin/env node
// The command. In a checkout it runs the sources, in the published package what was compiled from
// them.

import { existsSync } from "node:fs";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`meshwright: needs Node 20.19 or newer, and this is ${process.versions.node}\n`);
  process.exit(1);
}

const sources = new URL("./main.ts", import.meta.url);
const inCheckout = existsSync(sources);
if (inCheckout) {
  const { register } = await import("tsx/esm/api");
  register();
}
const { main } = await import(
  inCheckout ? sources.href : new URL("../dist/cli/main.js", import.meta.url).href
);
// At once: after Ctrl-C nothing that is still under way, such as a download, is waited for.
process.exit(await main(process.argv.slice(2)));
