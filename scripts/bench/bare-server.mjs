// The anchor process: node:http and nothing else. It answers every GET with one body from a file, so that what an agent
// does besides is visible; GET /hold is answered, to all who wait, when PUT /release comes.
import { readFileSync } from "node:fs";
import http from "node:http";

const [file, encoding] = process.argv.slice(2);
const body = readFileSync(file);
const headers = {
  "Content-Type": "application/json",
  "Content-Length": body.length,
  ...(encoding ? { "Content-Encoding": encoding } : {}),
};
let held = [];
const server = http.createServer((request, response) => {
  if (request.url === "/hold") return void held.push(response);
  if (request.method === "PUT") {
    const released = held;
    held = [];
    for (const waiting of released) waiting.writeHead(200, headers).end(body);
  }
  response.writeHead(200, headers).end(body);
});
server.listen(Number(process.argv[4] ?? 0), "127.0.0.1", () => console.log(`PORT ${server.address().port}`));
