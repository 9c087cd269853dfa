import type { Server } from "node:http";

import type { Client } from "@steppe/client";
import {
  type ApiRequest,
  type ApiResponse,
  bodyResponse,
  closeServer,
  createHttpServer,
  errorResponse,
  JSON_TYPE,
  listen,
  MetricsRegistry,
  RegionForwarder,
  type RequestServer,
} from "@steppe/server";
import { must } from "@steppe/shared";

import type { AgentParts } from "./parts.js";
import { clientHealth, clientStatistics } from "./client-report.js";
import { describeConfiguration } from "./description.js";

/**
 * The HTTP API of an agent that is a client only: it answers for itself what concerns itself, and passes everything else on to a
 * server of its region, so that people can point their tools at whichever agent is near.
 */
export class ClientGateway implements RequestServer {
  readonly #parts: AgentParts;
  readonly #client: Client;
  readonly #forwarder: RegionForwarder;
  readonly #metrics: MetricsRegistry;
  readonly #local: Readonly<Record<string, () => Promise<ApiResponse> | ApiResponse>>;
  #server: Server | undefined;

  private constructor(parts: AgentParts, client: Client) {
    const { configuration, clock, random } = parts;
    this.#parts = parts;
    this.#client = client;
    this.#metrics = new MetricsRegistry(clock);
    this.#forwarder = new RegionForwarder({
      region: configuration.region,
      regionServers: () => this.#servers().map((address) => ({ address })),
      random,
      marks: false,
    });
    this.#local = {
      "/v1/agent/health": () => this.#json({ client: clientHealth(client) }),
      "/v1/agent/self": () =>
        this.#json({
          config: describeConfiguration(configuration),
          member: {},
          stats: { client: clientStatistics(client) },
        }),
      "/v1/agent/servers": () => this.#json(this.#servers()),
    };
  }

  static async start(parts: AgentParts, client: Client): Promise<ClientGateway> {
    const gateway = new ClientGateway(parts, client);
    const { host, port } = parts.configuration.bind.http;
    gateway.#server = createHttpServer({ pipeline: gateway, logger: parts.logger });
    await listen(gateway.#server, host, port);
    return gateway;
  }

  async stop(): Promise<void> {
    await closeServer(must(this.#server, "start has set it"));
    this.#forwarder.close();
    this.#metrics.stop();
  }

  match(): true {
    return true;
  }

  serve(request: ApiRequest): ApiResponse | Promise<ApiResponse> {
    const local = request.method === "GET" ? this.#local[request.path] : undefined;
    if (local !== undefined) return local();
    if (request.path === "/v1/metrics") return this.#showMetrics(request);
    return this.#forwarder.forward(request, this.#parts.configuration.region).catch(errorResponse);
  }

  #servers(): string[] {
    const { knownServers } = this.#client.stats();
    return knownServers.length > 0 ? knownServers : [...(this.#parts.configuration.client?.servers ?? [])];
  }

  async #showMetrics(request: ApiRequest): Promise<ApiResponse> {
    const { allocationsByStatus } = this.#client.stats();
    for (const [status, count] of Object.entries(allocationsByStatus))
      this.#metrics.gauge(`nomad.client.allocations.${status}`, count);
    if (request.query.get("format") !== "prometheus") return this.#json(this.#metrics.summary());
    const text = Buffer.from(await this.#metrics.prometheus());
    return bodyResponse(200, text, "text/plain; version=0.0.4; charset=utf-8");
  }

  #json(value: unknown): ApiResponse {
    return bodyResponse(200, Buffer.from(JSON.stringify(value)), JSON_TYPE);
  }
}
