#!/usr/bin/env node
// The command `meshwright`. In a checkout it runs the sources, in the published package the files
// compiled from them.

import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`meshwright: needs Node 20.19 or newer, and this is ${process.versions.node}\n`);
  process.exit(1);
}

let program = new URL("../dist/cli/main.js", import.meta.url).href;
if (existsSync(new URL("./main.ts", import.meta.url))) {
  const { commandOfCheckout } = await import("./checkout.js");
  program = pathToFileURL(await commandOfCheckout()).href;
  // A fault's lines are those of the sources.
  process.setSourceMapsEnabled(true);
}
const { main } = await import(program);
// Ends at once: after Ctrl-C it does not wait for what is still under way, such as a download.
process.exit(await main(process.argv.slice(2)));
