// A shop in Node that is ready only at the third time it is asked.
const fs = require("fs");
const http = require("http");

let asked = 0;
const server = http.createServer((request, reply) => {
  fs.appendFileSync("node.log", `${request.url}\n`);
  if (request.url === "/health") {
    asked += 1;
    reply.writeHead(asked < 3 ? 503 : 200);
    reply.end("{}");
  } else {
    reply.setHeader("content-type", "application/json");
    reply.end(JSON.stringify({ items: ["a-1"], node: process.version }));
  }
});
const [host, port] = process.argv[2].split(":");
server.listen(Number(port), host);
