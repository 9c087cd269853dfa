// The other side of the watchers' benchmark, in a process of its own: opens connections, sends one blocking query on each, and
// says when each was answered. Started by http.mjs with PORT, COUNT and URL as arguments.
import net from "node:net";

const [port, count, url] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const nowMs = () => performance.timeOrigin + performance.now();
const request = `GET ${url} HTTP/1.1\r\nHost: bench\r\n\r\n`;
const answered = [];
let sent = 0;

for (let opened = 0; opened < count;) {
  const batch = Math.min(200, count - opened);
  await Promise.all(Array.from({ length: batch }, open));
  opened += batch;
}
process.send({ sent });

function open() {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
    socket.on("error", reject);
    socket.once("data", () => {
      answered.push(nowMs());
      if (answered.length === count) process.send({ answered });
    });
    socket.once("connect", () => {
      socket.write(request);
      sent++;
      resolve();
    });
  });
}
