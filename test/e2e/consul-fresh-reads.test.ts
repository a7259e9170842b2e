import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';

const consul = await findConsul();

/** A copy of one number, which a write raises. Answers say which one they know, and what copy knows it. */
class Copy {
  value = 0;
  reads = 0;
  /** What it says of its lag; null: nothing. */
  lag: string | null = null;
  private readonly server: Server;

  constructor(
    readonly name: string,
    /** Told of a write, where it takes any. */
    onWrite: ((value: number) => void) | null,
  ) {
    this.server = createServer((asked, answer) => {
      asked.resume();
      if (asked.method === 'POST') {
        if (onWrite === null) return void answer.writeHead(421).end();
        this.value += 1;
        onWrite(this.value);
      } else {
        this.reads += 1;
      }
      const lag = this.lag === null ? {} : { 'x-lag': this.lag };
      answer.writeHead(200, { 'x-copy': this.name, 'x-position': String(this.value), ...lag }).end(String(this.value));
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** A client that keeps what cookie it was given last. */
class Client {
  private cookie = '';

  constructor(private readonly port: number) {}

  send(method: 'GET' | 'POST'): Promise<{ readonly status: number; readonly by: string; readonly value: number }> {
    return new Promise((resolve, reject) => {
      const headers = this.cookie === '' ? {} : { cookie: this.cookie };
      const sent = request({ host: '127.0.0.1', port: this.port, method, headers, agent: false });
      sent.on('error', reject);
      sent.on('response', (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => {
          const [given] = answer.headers['set-cookie'] ?? [];
          if (given !== undefined) this.cookie = given.slice(0, given.indexOf(';'));
          resolve({ status: answer.statusCode!, by: String(answer.headers['x-copy']), value: Number(text) });
        });
      });
      sent.end();
    });
  }
}

describe.skipIf(consul.path === null)(consulTitle('fresh reads', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;
  let primary: Copy;
  let near: Copy;
  let far: Copy;
  /** Writes on their way to the replicas. */
  const timers = new Set<NodeJS.Timeout>();

  const readers = async (times = 40): Promise<string> => {
    const client = new Client(web.port('db'));
    const seen = new Set<string>();
    for (let i = 0; i < times; i++) seen.add((await client.send('GET')).by);
    return [...seen].sort().join(' ');
  };
  const report = (id: string, output: string): Promise<string> =>
    agent.http.put(`/agent/check/update/lag-${id}`, { Status: 'passing', Output: output });
  /** Consul tells of an output at once only when the status changes, so it fails for a moment. */
  const reportNow = async (id: string, output: string): Promise<void> => {
    await agent.http.put(`/agent/check/update/lag-${id}`, { Status: 'warning', Output: output });
    await report(id, output);
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    const replicate = (copy: Copy, value: number, delayMs: number): void => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        copy.value = Math.max(copy.value, value);
      }, delayMs);
      timers.add(timer);
    };
    near = await new Copy('near', null).listen();
    far = await new Copy('far', null).listen();
    primary = await new Copy('primary', (value) => {
      replicate(near, value, 20);
      replicate(far, value, 400);
    }).listen();
    for (const { name, port } of [primary, near, far]) {
      await agent.http.register('db', name, port, {
        Tags: [name === 'primary' ? 'primary' : 'replica'],
        Check: { CheckID: `lag-${name}`, Name: 'lag', TTL: '10m', Status: 'passing' },
      });
    }
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      upstreams: {
        db: {
          port: 0,
          roles: {
            lag: { max: '5s', keep: 1, from: { check: 'lag' }, header: 'x-lag' },
            readYourWrites: { cookie: 'db-wrote', position: 'X-Position' },
          },
        },
      },
      consul: { address: agent.http.address },
    });
  });

  afterAll(async () => {
    await web?.kill();
    for (const timer of timers) clearTimeout(timer);
    for (const copy of [primary, near, far]) await copy?.stop();
    await agent?.stop();
  });

  it('are those of replicas, of a client that has not written', async () => {
    expect(await readers()).toBe('far near');
  });

  it('never show a client that has written an older value, and go back to replicas that have the newer one', async () => {
    const others = new Client(web.port('db'));
    const by = { near: 0, far: 0, primary: 0 };
    const clients = Array.from({ length: 5 }, () => new Client(web.port('db')));
    const older: string[] = [];
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 8; round++) {
          const { value: written } = await client.send('POST');
          for (let i = 0; i < 12; i++) {
            const read = await client.send('GET');
            by[read.by as keyof typeof by] += 1;
            if (read.status !== 200 || read.value < written) older.push(`${read.by} ${read.value} < ${written}`);
            // Replicas say how far they are in answers to those who may read from any of them.
            await others.send('GET');
          }
        }
      }),
    );
    expect(older).toEqual([]);
    expect(by.primary).toBeGreaterThan(0);
    expect(by.near).toBeGreaterThan(0);
    expect(await web.metric('remora_replica_passed_over_total', { upstream: 'db', why: 'position' })).toBeGreaterThan(
      0,
    );
  });

  it('leave a replica whose check says that it is late, and come back to it', async () => {
    await reportNow('far', 'state=replica lag=30');
    await eventually(async () => (await readers()) === 'near');
    expect(await web.metric('remora_replica_lag_seconds', { endpoint: `127.0.0.1:${far.port}/far` })).toBe(30);
    await reportNow('far', 'state=replica lag=0.2');
    await eventually(async () => (await readers()) === 'far near');
  });

  it('leave a replica that says itself that it is late, and never the last one', async () => {
    far.lag = '20s';
    await eventually(async () => (await readers()) === 'near');
    near.lag = '10s';
    // Both are too late now; the less late one stays, and the primary has no reads to take.
    await readers();
    expect(await readers()).toBe('near');
    near.lag = '0';
    far.lag = null;
  });
});
