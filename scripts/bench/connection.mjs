// A keep-alive HTTP/1.1 connection on node:net with one request in flight: cheap enough that the load generator is not
// what is measured. It reads Content-Length, chunked and until-close bodies, and keeps a body's text only when asked to.
import net from "node:net";

const END_OF_HEAD = "\r\n\r\n";

export class Connection {
  #socket = undefined;
  #pending = undefined;

  /** @param {string} address such as http://127.0.0.1:4646 */
  constructor(address) {
    const url = new URL(address);
    this.host = url.hostname;
    this.port = Number(url.port || 80);
    this.headLine = `Host: ${url.host}\r\n${process.env.NOMAD_TOKEN ? `X-Nomad-Token: ${process.env.NOMAD_TOKEN}\r\n` : ""}`;
  }

  static async open(address) {
    const connection = new Connection(address);
    await connection.connect();
    return connection;
  }

  connect(timeoutMs = 5000) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: this.host, port: this.port, noDelay: true });
      const timer = setTimeout(() => socket.destroy(new Error("connecting took too long")), timeoutMs);
      socket.once("connect", () => {
        clearTimeout(timer);
        this.#socket = socket;
        resolve();
      });
      socket.on("error", (error) => {
        clearTimeout(timer);
        reject(error);
        this.#fail(error);
      });
      socket.on("data", (chunk) => this.#read(chunk));
      socket.on("close", () => {
        if (this.#socket === socket) this.#socket = undefined;
        if (this.#pending?.state === "untilClose") this.#finish();
        else this.#fail(new Error("connection closed"));
      });
    });
  }

  /**
   * @returns {Promise<{ status: number, ms: number, sentAt: number, endedAt: number, bytes: number, header: (name: string) => string | undefined, body: string }>}
   *   `body` is empty unless `keepBody`; times are those of performance.now()
   */
  request(method, path, { body, headers = "", keepBody = false, timeoutMs = 60_000 } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#socket === undefined) return reject(new Error("not connected"));
      const timer = setTimeout(() => {
        this.#fail(new Error(`no answer within ${timeoutMs} ms`));
        this.close();
      }, timeoutMs);
      this.#pending = {
        resolve,
        reject,
        timer,
        keepBody,
        state: "head",
        head: "",
        chunks: [],
        left: 0,
        line: "",
        bytes: 0,
      };
      this.#pending.status = 0;
      this.#pending.sentAt = performance.now();
      const framing =
        body === undefined ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.headLine}${headers}${framing}\r\n${body ?? ""}`);
    });
  }

  get connected() {
    return this.#socket !== undefined;
  }

  close() {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #fail(error) {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    clearTimeout(pending.timer);
    pending.reject(error);
  }

  #finish() {
    const { resolve, timer, status, sentAt, bytes, head, chunks } = this.#pending;
    this.#pending = undefined;
    clearTimeout(timer);
    const endedAt = performance.now();
    const header = (name) => new RegExp(`\\r\\n${name}: *([^\\r]*)`, "i").exec(head)?.[1];
    resolve({ status, ms: endedAt - sentAt, sentAt, endedAt, bytes, header, body: Buffer.concat(chunks).toString() });
  }

  #read(chunk) {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (pending.state === "head") {
      const rest = this.#readHead(pending, chunk);
      if (rest === undefined) return;
      chunk = rest;
    }
    if (pending.state === "length") {
      this.#take(pending, chunk);
      pending.left -= chunk.length;
      if (pending.left <= 0) this.#finish();
    } else if (pending.state === "untilClose") this.#take(pending, chunk);
    else this.#readChunked(pending, chunk);
  }

  /** The bytes after the head; undefined while the head is not complete. */
  #readHead(pending, chunk) {
    const bytes = pending.partial === undefined ? chunk : Buffer.concat([pending.partial, chunk]);
    const end = bytes.indexOf(END_OF_HEAD);
    if (end < 0) {
      pending.partial = bytes;
      return undefined;
    }
    pending.head = bytes.latin1Slice(0, end + 2);
    pending.status = Number(pending.head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(pending.head);
    if (length !== null) {
      pending.state = "length";
      pending.left = Number(length[1]);
    } else if (/\r\ntransfer-encoding: *chunked/i.test(pending.head)) pending.state = "chunkSize";
    else pending.state = pending.status === 204 || pending.status === 304 ? "length" : "untilClose";
    return bytes.subarray(end + END_OF_HEAD.length);
  }

  #take(pending, chunk) {
    pending.bytes += chunk.length;
    if (pending.keepBody) pending.chunks.push(chunk);
  }

  #readChunked(pending, chunk) {
    let at = 0;
    while (at < chunk.length) {
      if (pending.state === "chunk") {
        const size = Math.min(pending.left, chunk.length - at);
        this.#take(pending, chunk.subarray(at, at + size));
        at += size;
        pending.left -= size;
        if (pending.left === 0) pending.state = "chunkEnd";
        continue;
      }
      const newline = chunk.indexOf(10, at);
      pending.line += chunk.latin1Slice(at, newline < 0 ? chunk.length : newline);
      if (newline < 0) return;
      at = newline + 1;
      const line = pending.line.trim();
      pending.line = "";
      if (pending.state === "chunkEnd") pending.state = "chunkSize";
      else if (pending.state === "chunkSize") {
        pending.left = parseInt(line, 16);
        pending.state = pending.left === 0 ? "trailer" : "chunk";
      } else if (line === "") return this.#finish();
    }
  }
}

/** `count` connections, opened in batches that a listen backlog holds. */
export async function openConnections(address, count) {
  const connections = [];
  while (connections.length < count) {
    const batch = Math.min(200, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: batch }, () => Connection.open(address)))));
  }
  return connections;
}

/** One request on a connection of its own; `json` is the parsed body, undefined where it is none. */
export async function requestOnce(address, method, path, options = {}) {
  const connection = await Connection.open(address);
  try {
    const answer = await connection.request(method, path, { timeoutMs: 10_000, ...options, keepBody: true });
    return { ...answer, json: parseJson(answer.body) };
  } finally {
    connection.close();
  }
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
