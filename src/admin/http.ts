import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { bound } from '../net/bound.ts';
import { ListenError } from '../net/listener.ts';
import { errorName } from '../net/socket-error.ts';
import type { AgentView } from './agent-view.ts';
import type { BoundAddress } from './bound-address.ts';
import { meansUs } from './host-check.ts';
import type { Pacer } from './pacer.ts';
import { type AdminRoute, type Answer, errorAnswer, makeRoutes } from './routes.ts';

export interface AdminHttpOptions {
  readonly address: string;
  /** 0: one the kernel gives. */
  readonly port: number;
  /** Null: nothing that changes anything is allowed. */
  readonly tokenFile: string | null;
}

export interface AdminHttpLimits {
  readonly maxConnections: number;
  readonly maxHeadBytes: number;
  readonly maxBodyBytes: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** A connection on which nothing moves, in either direction. */
  readonly idleMs: number;
}

/** Probes and scrapers need a few connections and no bodies; everything above that is a mistake or an attack. */
export const ADMIN_HTTP_LIMITS: AdminHttpLimits = {
  maxConnections: 64,
  maxHeadBytes: 8_192,
  maxBodyBytes: 1_024,
  requestMs: 5_000,
  idleMs: 10_000,
};

/**
 * The HTTP side of admin, for people, probes and scrapers.
 *
 * The law: a question changes nothing (but for `POST /drain`, which needs a token), and no number of questions, however
 * malformed or slow, costs traffic more than its share of the loop. It is on `node:http` because nothing here is fast.
 */
export class AdminHttp {
  private readonly server: Server;
  private readonly routes: ReadonlyMap<string, AdminRoute>;

  constructor(
    view: AgentView,
    private readonly options: AdminHttpOptions,
    private readonly pacer: Pacer,
    private readonly onProblem: (error: unknown) => void,
    private readonly limits: AdminHttpLimits = ADMIN_HTTP_LIMITS,
  ) {
    this.routes = makeRoutes(view, options.tokenFile, onProblem);
    this.server = createServer({
      maxHeaderSize: limits.maxHeadBytes,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: Math.ceil(limits.requestMs / 5),
    });
    this.server.maxConnections = limits.maxConnections;
    this.server.setTimeout(limits.idleMs);
    this.server.on('request', (request, response) => void this.serve(request, response));
  }

  /** Rejects with a `ListenError`. */
  async listen(): Promise<BoundAddress> {
    const { address, port } = this.options;
    try {
      await bound(this.server, address, port);
    } catch (error) {
      throw new ListenError('admin', address, port, errorName(error));
    }
    this.server.on('error', this.onProblem);
    return this.server.address() as BoundAddress;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isTooLarge = hasLargeBody(request, this.limits.maxBodyBytes);
    // What is not read blocks the connection; a body that is too large ends it instead.
    if (!isTooLarge) request.resume();
    let answer: Answer;
    try {
      answer = isTooLarge
        ? errorAnswer(
            413,
            'body_too_large',
            `a body has at most ${this.limits.maxBodyBytes} bytes and a Content-Length`,
          )
        : await this.answer(request);
    } catch (error) {
      this.onProblem(error);
      answer = errorAnswer(500, 'internal_error', 'this is a bug in remora; the log has it');
    }
    if (isTooLarge) response.setHeader('connection', 'close');
    send(response, answer);
  }

  private answer(request: IncomingMessage): Answer | Promise<Answer> {
    if (!this.isMeant(request)) {
      return errorAnswer(421, 'host_not_allowed', 'Host must be a loopback name or the address this port is bound to');
    }
    const target = request.url ?? '';
    const at = target.indexOf('?');
    const path = at < 0 ? target : target.slice(0, at);
    const route = this.routes.get(path);
    if (route === undefined) {
      return errorAnswer(404, 'no_such_path', 'there is nothing here', { paths: [...this.routes.keys()] });
    }
    const allowed = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method];
    if (!allowed.includes(request.method ?? '')) {
      const refusal = errorAnswer(405, 'method_not_allowed', `${path} answers ${allowed.join(' and ')} only`);
      return { ...refusal, fields: { allow: allowed.join(', ') } };
    }
    const question = {
      query: new URLSearchParams(at < 0 ? '' : target.slice(at + 1)),
      authorization: request.headers.authorization,
    };
    if (!route.isHeavy) return route.answer(question);
    if (this.pacer.isFull) return errorAnswer(503, 'busy', 'too many questions at once');
    return this.pacer.run(() => route.answer(question));
  }

  /** HTTP/1.0 may come without Host; a browser never does. Two of them is somebody who tries something. */
  private isMeant(request: IncomingMessage): boolean {
    const hosts = request.headersDistinct['host'] ?? [];
    if (hosts.length === 0) return request.httpVersion === '1.0';
    return hosts.length === 1 && meansUs(hosts[0]!, request.socket.localAddress ?? '');
  }
}

function hasLargeBody(request: IncomingMessage, maxBytes: number): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > maxBytes
  );
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...answer.fields,
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(answer.body);
}
