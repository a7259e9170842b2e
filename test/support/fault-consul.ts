import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly path: string;
  /** `index` of the query; null for a read that does not block. */
  readonly index: string | null;
  readonly query: URLSearchParams;
  readonly at: number;
}

export type Answer = (asked: Asked, response: ServerResponse, request: IncomingMessage) => void;

/** A Consul that lies, on demand: every request is counted and answered by the current script. */
export class FaultConsul {
  readonly asked: Asked[] = [];

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    public answer: Answer,
  ) {}

  static async start(answer: Answer): Promise<FaultConsul> {
    // Longer than any pause in a test: a connection that closes just as it is used again is a fault nobody ordered.
    const server = createServer({ keepAliveTimeout: 60_000 });
    const consul = new FaultConsul(server, answer);
    server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://consul');
      const seen = {
        path: url.pathname,
        index: url.searchParams.get('index'),
        query: url.searchParams,
        at: performance.now(),
      };
      consul.asked.push(seen);
      consul.answer(seen, response, request);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return consul;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts every connection, and with it every question that waits. */
  hangUp(): void {
    this.server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** One instance as the health endpoint lists it. */
export function listed(id: string, port: number, status = 'passing'): object {
  return {
    Node: { Node: 'n1', Address: '127.0.0.1', Meta: null },
    Service: {
      ID: id,
      Service: 'web',
      Address: '127.0.0.1',
      Port: port,
      Tags: null,
      Meta: null,
      Weights: { Passing: 1, Warning: 1 },
    },
    Checks: [{ CheckID: `${id}-check`, Status: status }],
  };
}

export function reply(body: unknown, index: number | string | null, status = 200): Answer {
  return (_asked, response) => {
    const headers = { 'content-type': 'application/json', 'x-consul-knownleader': 'true' };
    response.writeHead(status, index === null ? headers : { ...headers, 'x-consul-index': String(index) });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Takes the request and never says a word. */
export const hang: Answer = () => undefined;
