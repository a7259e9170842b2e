import { createServer as createHttp1, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

/** What an application was asked, as it came to it. */
export interface Echo {
  readonly app: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers with what it was asked, in whichever version of HTTP it is meant to speak, and keeps it. */
export class EchoApp {
  readonly asked: Echo[] = [];
  /** Nobody is answered while it is. */
  isSilent = false;
  private readonly sessions = new Set<{ destroy(): void }>();

  private constructor(
    private readonly name: string,
    private readonly server: Server | Http2Server,
  ) {}

  static async start(name: string, version: '1.1' | '2' = '1.1'): Promise<EchoApp> {
    const server = version === '2' ? createHttp2() : createHttp1();
    const app = new EchoApp(name, server);
    server.on('request', (asked: IncomingMessage | Http2ServerRequest, answer: ServerResponse | Http2ServerResponse) =>
      app.answer(asked, answer as ServerResponse),
    );
    for (const event of ['session', 'connection']) {
      server.on(event, (session) => {
        app.sessions.add(session);
        session.on('error', () => undefined);
        session.on('close', () => app.sessions.delete(session));
      });
    }
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const session of this.sessions) session.destroy();
    await closed;
  }

  private answer(asked: IncomingMessage | Http2ServerRequest, answer: ServerResponse): void {
    let body = '';
    asked.on('data', (bytes: Buffer) => (body += bytes.toString()));
    asked.on('end', () => {
      const { method = '', url: path = '' } = asked;
      const headers = asked.headers as Record<string, string>;
      const echo = { app: this.name, method, path, headers, body };
      this.asked.push(echo);
      if (this.isSilent) return;
      answer.setHeader('x-powered-by', 'echo');
      answer.setHeader('access-control-allow-origin', '*');
      answer.end(JSON.stringify(echo));
    });
  }
}
