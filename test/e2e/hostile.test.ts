import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { abort, BadEndpoint, babble, Crowd, closed, Dice, inLanes, open } from './attackers.ts';
import { Load } from './load.ts';
import { OriginApp } from './origin-app.ts';

const MIB = 1_048_576;
const SEED = Number(process.env['HOSTILE_SEED'] ?? Date.now() % 2 ** 31);
/** What heap and buffers may keep of an attack that is over, generously; what the attackers offer is many times as much. */
const MAX_GROWTH = 120 * MIB;
/** Both ends pour without end, so what is not bounded grows by this much in a moment; the collector's swings are smaller. */
const MAX_CREEP = 64 * MIB;
const NO_BREAKER = { consecutiveFailures: 1_000_000, failureRatio: 1 };

describe.each(['data', 'handle'])(`attacked from all sides, %s, seed ${SEED},`, (transport) => {
  const dice = new Dice(SEED);
  const endpoints: BadEndpoint[] = [];
  let origin: OriginApp;
  let sidecar: Sidecar;
  let load: Load;
  let residentBefore: number;

  beforeAll(async () => {
    origin = await OriginApp.start('a');
    const [deaf, endless, fickle, echo] = await Promise.all([
      BadEndpoint.deaf(),
      BadEndpoint.endless(),
      BadEndpoint.fickle(dice),
      BadEndpoint.start((socket) => socket.pipe(socket)),
    ]);
    endpoints.push(deaf, endless, fickle, echo);
    sidecar = await Sidecar.start(
      {
        service: { name: 'web', port: origin.port },
        inbound: { port: 0 },
        outbound: { port: 0 },
        http: { headTimeout: '1s' },
        upstreams: {
          orders: { port: 0 },
          deaf: { port: 0, breaker: NO_BREAKER, timeouts: { request: '3s', attempt: '2s' } },
          endless: { port: 0 },
          fickle: { port: 0, breaker: NO_BREAKER },
          cache: { port: 0, protocol: 'tcp' },
          'deaf-tcp': { port: 0, protocol: 'tcp', service: 'deaf' },
          'endless-tcp': { port: 0, protocol: 'tcp', service: 'endless' },
        },
        static: {
          orders: [origin.address],
          deaf: [deaf.address],
          endless: [endless.address],
          fickle: [fickle.address],
          cache: [echo.address],
        },
      },
      { args: ['--transport', transport] },
    );
    load = new Load(sidecar.port('orders'), { perSecond: 50 });
    await load.progress(50);
    residentBefore = resident();
  });

  afterAll(async () => {
    await sidecar.kill();
    await Promise.all([origin.kill(), ...endpoints.map((endpoint) => endpoint.stop())]);
  });

  const port = (name: string): number => sidecar.port(name);

  function resident(): number {
    const status = readFileSync(`/proc/${sidecar.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
  }

  interface State {
    readonly listeners: readonly { readonly name: string; readonly connections: number }[];
    readonly clusters: readonly { readonly endpoints: readonly { readonly active: number }[] }[];
  }

  /** Connections of clients, and attempts and tunnels in flight. */
  async function inFlight(): Promise<{ connections: number; active: number }> {
    const read = async (path: string): Promise<State> => (await (await sidecar.get(path)).json()) as State;
    const { listeners } = await read('/listeners');
    const { clusters } = await read('/clusters');
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
    return {
      connections: sum(listeners.map(({ connections }) => connections)),
      active: sum(clusters.flatMap(({ endpoints: all }) => all.map(({ active }) => active))),
    };
  }

  it('takes nonsense on every port', async () => {
    const names = ['orders', 'outbound', 'inbound', 'cache', 'deaf', 'endless', 'admin', 'admin-grpc'];
    for (const name of names) await babble(port(name), 60, dice);
  });

  it('throws out a thousand clients that do not finish their heads', async () => {
    const crowd = await Crowd.gather(port('orders'), 1_000);
    crowd.each((socket) => {
      socket.write('GET / HTTP/1.1\r\nHost: ord');
      socket.resume();
    });
    await eventually(() => crowd.thrownOut === 1_000);
    crowd.leave();
  });

  it('refuses heads that grow without end, a few bytes at a time', async () => {
    const crowd = await Crowd.gather(port('inbound'), 4);
    const pieces: Promise<void>[] = [];
    crowd.each((socket) => {
      socket.resume();
      socket.write('GET / HTTP/1.1\r\nHost: web\r\nX-A: ');
      const grow = async (): Promise<void> => {
        for (let i = 0; socket.readyState === 'open'; i++) {
          socket.write('abc');
          if (i % 50 === 0) await new Promise(setImmediate);
        }
      };
      pieces.push(grow());
    });
    await Promise.all(pieces);
  });

  it('reads no further ahead than it must for clients that do not read their answers', async () => {
    const crowd = await Crowd.gather(port('orders'), 20);
    const requests = Buffer.from('GET /?bytes=2000 HTTP/1.1\r\nHost: orders\r\n\r\n'.repeat(5_000));
    crowd.each((socket) => {
      socket.pause();
      socket.write(requests);
    });
    await load.progress(50);
    expect(resident() - residentBefore).toBeLessThan(MAX_GROWTH);
    crowd.leave();
  });

  it('holds little of what one end pours in and the other does not take, and lets go when that end resets', async () => {
    const body = Buffer.alloc(8 * MIB);
    const crowds = await Promise.all(
      ['deaf', 'deaf-tcp', 'endless', 'endless-tcp'].map((name) => Crowd.gather(port(name), 20)),
    );
    const [posting, pouring, ...deafened] = crowds;
    posting!.each((socket) => socket.write('POST / HTTP/1.1\r\nHost: deaf\r\nContent-Length: 99999999999\r\n\r\n'));
    for (const crowd of [posting, pouring]) crowd!.each((socket) => socket.write(body));
    for (const crowd of deafened) {
      crowd.each((socket) => {
        socket.pause();
        socket.write('GET / HTTP/1.1\r\nHost: endless\r\n\r\n');
      });
    }
    await eventually(async () => (await inFlight()).active >= 80);
    await load.progress(50);
    const residentStuck = resident();
    await load.progress(100);
    const [peak, creep] = [resident() - residentBefore, resident() - residentStuck];
    for (const crowd of crowds) crowd.leave();
    expect(peak).toBeLessThan(MAX_GROWTH);
    expect(creep).toBeLessThan(MAX_CREEP);
  });

  it('keeps its books through thousands of connections that are reset anywhere', async () => {
    for (const name of ['orders', 'inbound', 'outbound']) await abort(port(name), 800, dice);
    for (const name of ['cache', 'deaf-tcp', 'endless-tcp']) await abort(port(name), 150, dice);
  });

  it('keeps its books with an endpoint whose answers break off anywhere', async () => {
    const requests =
      'GET / HTTP/1.1\r\nHost: fickle\r\n\r\nPOST / HTTP/1.1\r\nHost: fickle\r\nContent-Length: 1\r\n\r\na' +
      'GET / HTTP/1.1\r\nHost: fickle\r\nConnection: close\r\n\r\n';
    await inLanes(8, 400, async () => {
      const socket = await open(port('fickle'));
      socket.resume();
      socket.write(requests);
      await closed(socket, 5_000);
    });
  });

  it('has served everybody else meanwhile, and has forgotten all of it', async () => {
    await load.stop();
    expect(load.failed).toEqual([]);
    await eventually(async () => {
      expect(await inFlight()).toEqual({ connections: 0, active: 0 });
      return true;
    });
    expect(await sidecar.metric('remora_requests_active')).toBe(0);
    expect(await sidecar.metric('remora_bugs_total')).toBe(0);
    expect(sidecar.stray).toBe('');
    expect(resident() - residentBefore).toBeLessThan(MAX_GROWTH);
  });
});
