// Speaks first, as MySQL and mail servers do.

import net from "node:net";

net
  .createServer((socket) => {
    socket.write(`greetings to ${socket.remoteAddress}`);
    socket.on("error", () => {}).resume();
  })
  .listen(3306);
