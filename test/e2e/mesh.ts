import { Agent, createServer as createHttpServer, type Server as HttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { ConsulHttp } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';

/** With answers that take a while a balancer that goes by latency spreads the load, whatever this machine does besides. */
const ANSWER_MS = 20;

/** A small service. Every answer says who gave it; `/held` begins at once and ends when the test says so. */
export class App {
  /** Heads that came with a path of `/seen`, newest last. */
  readonly seen: Record<string, string | string[] | undefined>[] = [];
  heldCount = 0;
  private letGo = (): void => undefined;
  private held = new Promise<void>((resolve) => (this.letGo = resolve));

  private constructor(
    readonly name: string,
    private readonly server: HttpServer,
  ) {}

  static async start(name: string, port = 0): Promise<App> {
    const server = createHttpServer({ keepAliveTimeout: 60_000 });
    const app = new App(name, server);
    server.on('request', (asked, answer) => {
      const path = asked.url ?? '/';
      if (path.startsWith('/seen')) app.seen.push(asked.headers);
      if (!path.startsWith('/held')) {
        setTimeout(() => answer.end(`${name} ${asked.method} ${path}`), ANSWER_MS);
        return;
      }
      app.heldCount += 1;
      answer.write(`${name} begins, `);
      void app.held.then(() => answer.end('and ends'));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return app;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Lets everything that is held end. What comes later is held anew. */
  release(): void {
    this.letGo();
    this.held = new Promise((resolve) => (this.letGo = resolve));
  }

  async stop(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A service without HTTP: says its name, then echoes. */
export class TcpApp {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: ReturnType<typeof createTcpServer>) {}

  static async start(name: string): Promise<TcpApp> {
    const server = createTcpServer();
    const app = new TcpApp(server);
    server.on('connection', (socket) => {
      app.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => app.sockets.delete(socket));
      socket.write(`${name} `);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A TCP connection of a test: what it heard, and how it ended. */
export class TcpClient {
  heard = '';
  end: 'open' | 'fin' | 'reset' = 'open';
  private readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('data', (bytes: Buffer) => (this.heard += bytes.toString()));
    this.socket.on('end', () => (this.end = 'fin'));
    this.socket.on('error', () => (this.end = 'reset'));
  }

  say(text: string): void {
    this.socket.write(text);
  }

  hears(text: string): Promise<unknown> {
    return eventually(() => this.heard.includes(text) || complain(`heard ${this.heard}, not ${text}`));
  }

  close(): void {
    this.socket.destroy();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface AskOptions {
  readonly host?: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/** One request, on a connection of its own unless there is an agent. Rejects when there is no whole answer. */
export function ask(port: number, path = '/', options: AskOptions = {}): Promise<Answer> {
  const { host, method = 'GET', body, headers = {}, agent } = options;
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: agent ?? false,
      headers: {
        ...headers,
        ...(host === undefined ? {} : { host }),
        ...(body === undefined ? {} : { 'content-length': body.length }),
      },
    });
    asked.setTimeout(20_000, () => asked.destroy(new Error('no answer within 20 s')));
    asked.on('error', reject);
    asked.on('response', (answer) => {
      let text = '';
      answer.on('data', (bytes: Buffer) => (text += bytes.toString()));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
    });
    asked.end(body);
  });
}

/** The ports to ask, newest first to know; a function because they change. */
type Target = () => number;

export interface LoadOptions {
  readonly workers?: number;
  readonly keepAlive?: boolean;
  /** Between two requests of one worker. */
  readonly pauseMs?: number;
  readonly path?: string;
  readonly host?: string;
  /** POST cannot be sent again once any of it was written. */
  readonly method?: 'GET' | 'POST';
}

/** A steady load: a few workers that ask one after the other, and remember every failure. */
export class Load {
  readonly failures: string[] = [];
  sent = 0;
  /** Who answered, newest last; bounded. */
  private answeredBy: string[] = [];
  private isOver = false;
  private readonly agent: Agent | null;
  private readonly work: Promise<unknown>;

  constructor(
    private readonly target: Target,
    private readonly options: LoadOptions = {},
  ) {
    const { workers = 5, keepAlive = true } = options;
    this.agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: workers }) : null;
    this.work = Promise.all(Array.from({ length: workers }, () => this.run()));
  }

  /** Until so many more have been answered. */
  passes(count: number): Promise<unknown> {
    const until = this.sent + count;
    return eventually(() => this.sent >= until || complain(`only ${this.sent} of ${until} sent`));
  }

  /** Until one of these answers. */
  sees(name: string, withinMs?: number): Promise<unknown> {
    this.answeredBy = [];
    return eventually(() => this.answeredBy.includes(name) || complain(`${name} does not answer`), withinMs);
  }

  /** Until the last `count` answers have come from these and nobody else, and from all of these. */
  seesOnly(names: readonly string[], count = 40): Promise<unknown> {
    this.answeredBy = [];
    const wanted = [...names].sort().join();
    return eventually(() => {
      const last = this.answeredBy.slice(-count);
      const who = [...new Set(last)].sort().join();
      return (last.length === count && who === wanted) || complain(`answers from ${who}, wanted ${wanted}`);
    });
  }

  /** Who gave the last answers, counted. */
  shares(count: number): ReadonlyMap<string, number> {
    const shares = new Map<string, number>();
    for (const name of this.answeredBy.slice(-count)) shares.set(name, (shares.get(name) ?? 0) + 1);
    return shares;
  }

  /** Ends it, and says what failed. */
  async stop(): Promise<readonly string[]> {
    this.isOver = true;
    await this.work;
    this.agent?.destroy();
    return this.failures;
  }

  private async run(): Promise<void> {
    const { pauseMs = 10, path = '/', host, method = 'GET' } = this.options;
    const question = {
      method,
      ...(this.agent === null ? {} : { agent: this.agent }),
      ...(host === undefined ? {} : { host }),
      ...(method === 'POST' ? { body: 'once' } : {}),
    };
    while (!this.isOver) {
      try {
        const { status, headers, body } = await ask(this.target(), path, question);
        if (status !== 200) this.failures.push(`${status} ${headers['x-remora-failure'] ?? ''} after ${this.sent}`);
        this.answeredBy.push(body.split(' ')[0]!);
      } catch (error) {
        this.failures.push(`${(error as Error).message} after ${this.sent}`);
      }
      this.sent += 1;
      if (this.answeredBy.length > 10_000) this.answeredBy = this.answeredBy.slice(-5_000);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** For `eventually`: false, with a reason that is shown when it stays so. */
export function complain(reason: string): never {
  throw new Error(reason);
}

export interface ListedInstance {
  readonly Service: { readonly ID: string; readonly Address: string; readonly Port: number };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

/** What the catalog says of a service, one instance after the other: `id: passing`, or the worst of its checks. */
export async function catalog(consul: ConsulHttp, service: string): Promise<readonly string[]> {
  const listed = await consul.get<readonly ListedInstance[]>(`/health/service/${service}`);
  return listed.map(({ Service, Checks }) => `${Service.ID}: ${worst(Checks)}`).sort();
}

function worst(checks: ListedInstance['Checks']): string {
  if (checks.some(({ CheckID }) => CheckID.startsWith('_service_maintenance'))) return 'maintenance';
  if (checks.some(({ Status }) => Status === 'critical')) return 'critical';
  return checks.some(({ Status }) => Status === 'warning') ? 'warning' : 'passing';
}

/** A caller that follows Consul itself, chooses in turn and never retries: what an orderly stop must not hurt. */
export class Follower {
  private ports: readonly number[] = [];
  private turn = 0;
  private readonly ends = new AbortController();

  constructor(
    private readonly consul: ConsulHttp,
    private readonly service: string,
  ) {
    void this.follow();
  }

  readonly next = (): number => this.ports[this.turn++ % this.ports.length]!;

  knows(count: number): Promise<unknown> {
    return eventually(() => this.ports.length === count || complain(`knows ${this.ports.length}, not ${count}`));
  }

  stop(): void {
    this.ends.abort();
  }

  private async follow(): Promise<void> {
    let index = '0';
    const { signal } = this.ends;
    while (!signal.aborted) {
      const url = `${this.consul.address}/v1/health/service/${this.service}?passing&index=${index}&wait=10s`;
      try {
        const answer = await fetch(url, { signal });
        index = answer.headers.get('x-consul-index') ?? '0';
        this.ports = ((await answer.json()) as ListedInstance[]).map(({ Service }) => Service.Port);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }
}
