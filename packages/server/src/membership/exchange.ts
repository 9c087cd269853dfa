import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

import { assert, type Clock, defineErrors } from "@steppe/shared";

/** The longest line that is read: a full list of some hundred members. */
const LINE_BYTES_MAX = 256 * 1024;

const errors = defineErrors({
  memberUnreachable: { message: "No answer from {address} within {timeoutMs} ms" },
  memberClosed: { message: "{address} closed the connection" },
  memberNonsense: { message: "{address} did not answer as a Steppe server" },
});

/** Reads newline-terminated JSON values; a line that is too long or no JSON ends the connection. */
function readLines(socket: Socket, onValue: (value: unknown) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    rest += text;
    if (rest.length > LINE_BYTES_MAX) return void socket.destroy();
    let newline: number;
    while ((newline = rest.indexOf("\n")) >= 0) {
      const line = rest.slice(0, newline);
      rest = rest.slice(newline + 1);
      try {
        onValue(JSON.parse(line));
      } catch {
        // A stranger's bytes: this connection ends, and nothing else happens.
        socket.destroy();
        return;
      }
    }
  });
}

/** A listener, and how to end it together with the connections that others keep to it. */
export interface MemberListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens for other servers; `answer` gives the reply to one request, or undefined to hang up. */
export function listenForMembers(
  host: string,
  port: number,
  answer: (request: unknown) => unknown,
): Promise<MemberListener> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.setNoDelay(true);
    socket.setTimeout(60_000, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    readLines(socket, (request) => {
      const reply = answer(request);
      if (reply === undefined) socket.destroy();
      else socket.write(`${JSON.stringify(reply)}\n`);
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

interface Waiting {
  resolve: (reply: unknown) => void;
  reject: (error: Error) => void;
}

/** One connection to another server, kept while it lasts: requests are answered in order. */
export class MemberConnection {
  readonly #address: string;
  readonly #clock: Clock;
  #socket: Socket | undefined;
  #waiting: Waiting[] = [];

  constructor(address: string, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
  }

  request(message: unknown, timeoutMs: number): Promise<unknown> {
    const address = this.#address;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(
        timeoutMs,
        () => this.#fail(errors.memberUnreachable({ address, timeoutMs })),
        true,
      );
      const settle = <T>(fn: (value: T) => void) => {
        return (value: T) => {
          timer.clear();
          fn(value);
        };
      };
      const socket = this.#open();
      this.#waiting.push({ resolve: settle(resolve), reject: settle(reject) });
      socket.write(`${JSON.stringify(message)}\n`);
    });
  }

  close(): void {
    this.#fail(errors.memberClosed({ address: this.#address }));
  }

  #open(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const split = this.#address.lastIndexOf(":");
    assert(split > 0, `a member's address has a port: ${this.#address}`);
    const socket = connect({
      host: this.#address.slice(0, split),
      port: Number(this.#address.slice(split + 1)),
      noDelay: true,
    });
    this.#socket = socket;
    socket.on("error", (error) => {
      if (this.#socket === socket)
        this.#fail(errors.memberUnreachable({ address: this.#address, timeoutMs: 0 }, error));
    });
    socket.on("close", () => {
      if (this.#socket === socket) this.#fail(errors.memberClosed({ address: this.#address }));
    });
    readLines(socket, (reply) => this.#waiting.shift()?.resolve(reply));
    return socket;
  }

  #fail(error: Error): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }
}
