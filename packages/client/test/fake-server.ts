import * as http from "node:http";
import type { AddressInfo } from "node:net";

import type { AllocClientUpdate, Allocation, Node } from "@steppe/structs";

import { until } from "./fixtures.js";

/** The four routes that servers have for node agents, on one changeable list of allocations. */
export class FakeServer {
  /** Answered as `HeartbeatTTL`. */
  ttlMs = 10_000;
  /** Announced to nodes; itself by default. */
  servers: string[] = [];
  node: Node | undefined;
  readonly requests: string[] = [];
  readonly heartbeats: { status: string; secret: string | undefined }[] = [];
  readonly updates = new Map<string, AllocClientUpdate>();
  /** Sizes of the accepted batches. */
  readonly batches: number[] = [];
  /** The next requests to these routes are answered with the status. */
  readonly failures = new Map<string, { status: number; times: number }>();
  address = "";
  #server: http.Server | undefined;
  #allocations = new Map<string, Allocation>();
  #index = 1;
  #waiting = new Set<() => void>();

  static async start(port = 0): Promise<FakeServer> {
    const fake = new FakeServer();
    await fake.listen(port);
    return fake;
  }

  async listen(port = 0): Promise<void> {
    const server = http.createServer((request, response) => this.#handle(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (this.servers.length === 0) this.servers = [this.address];
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const wake of [...this.#waiting]) wake();
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  /** Assigns or changes an allocation. */
  assign(...allocations: Allocation[]): void {
    this.#index++;
    for (const row of allocations) this.#allocations.set(row.ID, { ...row, AllocModifyIndex: this.#index });
    this.#wake();
  }

  /** The servers want it stopped. */
  stop(id: string): void {
    const row = this.#allocations.get(id);
    if (row) this.assign({ ...row, DesiredStatus: "stop" });
  }

  /** The allocation vanishes, as after a purge. */
  remove(id: string): void {
    this.#index++;
    this.#allocations.delete(id);
    this.#wake();
  }

  /** Waits until the client has reported this status. */
  async status(id: string, status: string): Promise<AllocClientUpdate> {
    return await until(() => {
      const update = this.updates.get(id);
      return update?.ClientStatus === status ? update : undefined;
    }, `${id} ${status}`);
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #handle(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://fake");
      const route = `${request.method} ${url.pathname.split("/")[4]}`;
      this.requests.push(route);
      const failure = this.failures.get(route);
      if (failure && failure.times > 0) {
        failure.times--;
        response.writeHead(failure.status).end("injected failure");
        return;
      }
      const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>) : {};
      this.#route(route, url, body, request, response);
    });
  }

  #route(
    route: string,
    url: URL,
    body: Record<string, unknown>,
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): void {
    const contact = { HeartbeatTTL: this.ttlMs * 1e6, Servers: this.servers, Index: this.#index };
    const known = this.node?.ID === url.pathname.split("/")[3];
    const secret = request.headers["x-steppe-node-secret"] as string | undefined;
    if (route === "PUT register") {
      this.node = body["Node"] as Node;
      response.end(JSON.stringify(contact));
    } else if (!known) {
      response.writeHead(404).end("node not found");
    } else if (route === "PUT heartbeat") {
      this.heartbeats.push({ status: String(body["Status"]), secret });
      response.end(JSON.stringify(contact));
    } else if (route === "PUT allocations") {
      const updates = body["Allocs"] as AllocClientUpdate[];
      this.batches.push(updates.length);
      for (const update of updates) this.updates.set(update.ID, update);
      response.end(JSON.stringify({ Index: ++this.#index }));
      this.#wake();
    } else {
      this.#assignments(Number(url.searchParams.get("index")), response);
    }
  }

  #assignments(index: number, response: http.ServerResponse): void {
    const answer = (): void => {
      this.#waiting.delete(answer);
      response.setHeader("X-Nomad-Index", String(this.#index));
      // Only what changed since the index is sent in full, as a server may do.
      const rows = [...this.#allocations.values()].map((row) =>
        index === 0 || row.AllocModifyIndex > index
          ? row
          : { ID: row.ID, AllocModifyIndex: row.AllocModifyIndex, DesiredStatus: row.DesiredStatus },
      );
      response.end(JSON.stringify(rows));
    };
    if (index === 0 || index < this.#index) return answer();
    this.#waiting.add(answer);
  }
}
