import { describe, expect, it } from 'vitest';
import { Upstreams } from '../../src/agent/upstreams.ts';
import type { UpstreamConfig } from '../../src/config/config.ts';
import { Routed } from '../../src/proxy/routed.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { agentConfig, agentParts, listen, upstreamConfig } from '../support/agent-parts.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';
import { settled } from '../support/settled.ts';

async function open(...first: UpstreamConfig[]) {
  const made = agentParts();
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const log = { info: note, warn: note, error: note };
  const shared = new HostRouter(NOTHING_UNDECLARED);
  const upstreams = new Upstreams(made.parts, shared, log, () => undefined);
  await upstreams.open(agentConfig(first));
  const apply = (...configs: UpstreamConfig[]): Promise<void> => upstreams.apply(agentConfig(configs));
  const find = (name: string) => upstreams.all.find(({ declared }) => declared.name === name)!;
  const portOf = (name: string): number | undefined => find(name).entry?.port;
  const startedAt = made.clock.now();
  const at = (): number => made.clock.now() - startedAt;
  return { ...made, upstreams, shared, apply, find, portOf, events, at };
}

const at = (name: string, port: number, more: Partial<UpstreamConfig> = {}): UpstreamConfig =>
  upstreamConfig(name, { listen: listen(port), ...more });

describe('a port that changes', () => {
  it('keeps cluster, discovery and routing, and replaces the entry alone', async () => {
    const { apply, find, portOf, ports, consul, shared } = await open(at('orders', 1));
    consul.answer(0, 'a');
    const { cluster } = find('orders');
    const { entry } = find('orders');
    await apply(at('orders', 2));
    expect(find('orders').cluster === cluster).toBe(true);
    expect(find('orders').entry === entry).toBe(false);
    expect(consul.asked).toHaveLength(1);
    expect(portOf('orders')).toBe(2);
    expect([...ports.open]).toEqual([2]);
    expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === find('orders').plan).toBe(true);
  });

  it('that is in use leaves the upstream as it was, and is tried again until it opens', async () => {
    const { apply, find, portOf, ports, upstreams, clock } = await open(at('orders', 1));
    const { entry, plan } = find('orders');
    ports.open.add(9);
    await apply(at('orders', 9, { balancer: { name: 'random' } }), at('more', 3));
    expect(find('orders').entry === entry).toBe(true);
    expect(find('orders').plan === plan).toBe(true);
    expect(find('orders').declared.balancer.name).toBe('p2c_ewma');
    expect(portOf('more')).toBe(3);
    expect([...upstreams.failures].map(([name, error]) => [name, error.message])).toEqual([
      ['orders', 'listener orders: cannot listen on 127.0.0.1:9: the port is in use'],
    ]);
    clock.advance(5_000);
    await settled();
    expect(portOf('orders')).toBe(1);

    ports.open.delete(9);
    clock.advance(5_000);
    await settled();
    expect(portOf('orders')).toBe(9);
    expect(find('orders').declared.balancer.name).toBe('random');
    expect(upstreams.failures.size).toBe(0);
    expect(ports.open.has(1)).toBe(false);
    expect(clock.armed).toBe(0);
  });

  it('is forgotten when it changes back', async () => {
    const { apply, portOf, ports, upstreams, clock } = await open(at('orders', 1));
    ports.open.add(9);
    await apply(at('orders', 9));
    await apply(at('orders', 1));
    expect(upstreams.failures.size).toBe(0);
    expect(clock.armed).toBe(0);
    expect(portOf('orders')).toBe(1);
  });

  it('may be one that another upstream leaves, in whichever order', async () => {
    const { apply, portOf, upstreams } = await open(at('a', 1), at('b', 2), at('c', 3));
    await apply(at('a', 2), at('b', 3), at('c', 4), at('d', 1));
    expect(['a', 'b', 'c', 'd'].map(portOf)).toEqual([2, 3, 4, 1]);
    expect(upstreams.failures.size).toBe(0);
  });

  it('may be exchanged with that of another', async () => {
    const { apply, portOf, find, upstreams, ports } = await open(at('a', 1), at('b', 2));
    const { cluster } = find('a');
    await apply(at('a', 2), at('b', 1));
    expect(['a', 'b'].map(portOf)).toEqual([2, 1]);
    expect(find('a').cluster === cluster).toBe(true);
    expect(upstreams.failures.size).toBe(0);
    expect([...ports.open].sort()).toEqual([1, 2]);
  });

  it('is opened again when a stranger takes what it was given up for, and by all who exchanged', async () => {
    const { apply, portOf, ports, upstreams, clock } = await open(at('a', 1), at('b', 2), at('c', 3));
    const { listen: bind } = ports;
    let isTheft = true;
    ports.listen = (address, port) => {
      if (port === 3 && !ports.open.has(3) && isTheft) ports.open.add(3);
      return bind.call(ports, address, port);
    };
    await apply(at('a', 2), at('b', 3), at('c', 1));
    expect([...upstreams.failures.keys()]).toEqual(['a', 'b', 'c']);
    expect(['a', 'b', 'c'].map(portOf)).toEqual([1, 2, undefined]);
    const { length } = ports.bound;
    clock.advance(5_000);
    await settled();
    expect(ports.bound).toHaveLength(length);

    isTheft = false;
    ports.open.delete(3);
    clock.advance(5_000);
    await settled();
    expect(['a', 'b', 'c'].map(portOf)).toEqual([2, 3, 1]);
    expect(upstreams.failures.size).toBe(0);
  });

  it('is given up once for an exchange that fails, and not again every few seconds', async () => {
    const { apply, portOf, ports, upstreams, clock } = await open(at('a', 1), at('b', 2));
    const { listen: bind } = ports;
    ports.listen = (address, port) => {
      // A stranger has the port on an address that nobody here has used.
      if (address === '0.0.0.0') return Promise.reject(Object.assign(new Error(), { code: 'EADDRINUSE' }));
      return bind.call(ports, address, port);
    };
    await apply(at('a', 2, { listen: { address: '0.0.0.0', port: 2 } }), at('b', 1));
    expect(['a', 'b'].map(portOf)).toEqual([1, 2]);
    expect([...upstreams.failures.keys()]).toEqual(['a', 'b']);
    const { length } = ports.bound;
    clock.advance(20_000);
    await settled();
    expect(ports.bound).toHaveLength(length);
  });

  it('is kept open by those who wait for one that waits for a stranger', async () => {
    const { apply, ports, find } = await open(at('a', 1), at('b', 2));
    const { entry } = find('a');
    ports.open.add(9);
    await apply(at('a', 2), at('b', 9));
    expect(find('a').entry === entry).toBe(true);
    expect(ports.bound).toEqual([1, 2]);
  });
});

describe('a new upstream whose port is in use', () => {
  it('asks discovery once, is no part of the program yet, and is there as soon as the port is free', async () => {
    const { apply, ports, consul, upstreams, shared, clock, portOf, events } = await open();
    ports.open.add(9);
    await apply(at('orders', 9));
    for (let i = 0; i < 10; i++) {
      clock.advance(30_000);
      await settled();
    }
    expect(consul.asked.map(({ signal }) => signal.aborted)).toEqual([false]);
    expect(upstreams.all).toEqual([]);
    expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === null).toBe(true);
    expect(events).toEqual(['listener_not_opened']);

    ports.open.delete(9);
    consul.answer(0, 'a');
    clock.advance(30_000);
    await settled();
    expect(portOf('orders')).toBe(9);
    expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === null).toBe(false);
    expect([upstreams.failures.size, clock.armed, consul.asked.length]).toEqual([0, 0, 1]);
  });

  it('is tried ever less often, and at once after another change', async () => {
    const { apply, ports, clock, at: now } = await open();
    ports.open.add(9);
    const tries: number[] = [];
    const { listen: bind } = ports;
    ports.listen = (address, port) => {
      tries.push(now());
      return bind.call(ports, address, port);
    };
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 500) {
        clock.advance(500);
        await settled();
      }
    };
    await apply(at('orders', 9));
    await pass(100_000);
    expect(tries).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000]);
    tries.length = 0;
    await apply(at('orders', 9, { balancer: { name: 'random' } }));
    await pass(3_000);
    expect(tries).toEqual([100_000, 101_000, 103_000]);
  });

  it('takes what changes meanwhile, and asks anew only when that is another question', async () => {
    const { apply, ports, consul, clock, find } = await open();
    ports.open.add(9);
    await apply(at('orders', 9));
    await apply(at('orders', 9, { balancer: { name: 'random' } }));
    expect(consul.asked).toHaveLength(1);
    await apply(at('orders', 8, { balancer: { name: 'random' }, tag: 'v2' }));
    expect(consul.asked.map(({ query }) => query.tag)).toEqual([null, 'v2']);
    expect(find('orders').declared.balancer.name).toBe('random');
    expect(find('orders').cluster.options.balancer.name).toBe('random');
    expect([...ports.open].sort()).toEqual([8, 9]);
    expect(clock.armed).toBe(0);
  });

  it('is forgotten when it is wanted no more', async () => {
    const { apply, ports, consul, clock } = await open();
    ports.open.add(9);
    await apply(at('orders', 9));
    await apply();
    expect(consul.asked[0]!.signal.aborted).toBe(true);
    expect(clock.armed).toBe(0);
  });
});

it.each(['http2', 'grpc', 'auto'] as const)('routes by Host to an upstream that speaks %s', async (protocol) => {
  const { find, shared } = await open(upstreamConfig('orders', { protocol }));
  expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === find('orders').plan).toBe(true);
});

it('takes another protocol on the same port', async () => {
  const { apply, find, portOf, shared } = await open(at('orders', 1));
  await apply(at('orders', 1, { protocol: 'tcp' }));
  expect(find('orders').entry!.protocol).toBe('tcp');
  expect(find('orders').plan.labels.protocol).toBe('tcp');
  expect(portOf('orders')).toBe(1);
  expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === null).toBe(true);
});

it('does not route by an upstream that is gone while others are opened', async () => {
  const { apply, shared, ports } = await open(at('orders', 1));
  const { listen: bind } = ports;
  const opening = Promise.withResolvers<void>();
  ports.listen = (address, port) => opening.promise.then(() => bind.call(ports, address, port));
  const applied = apply(at('more', 2));
  await settled();
  expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === null).toBe(true);
  opening.resolve();
  await applied;
  expect([...ports.open]).toEqual([2]);
  expect(shared.route(requestHead({ authority: 'more' }), PEER, new Routed()) === null).toBe(false);
});

it('routes by the new plan when discovery has answered another question', async () => {
  const { apply, shared, consul, find } = await open(at('orders', 1));
  consul.answer(0, 'a');
  await apply(at('orders', 1, { filter: 'x' }));
  consul.answer(1, 'b');
  expect(shared.route(requestHead({ authority: 'orders' }), PEER, new Routed()) === find('orders').plan).toBe(true);
  expect(find('orders').plan.cluster.snapshot!.endpoints[0]!.host).toBe('10.0.0.2');
});

it('applies the next change after one that ended in a bug', async () => {
  const { apply, bugs, upstreams, ports, services } = await open(at('orders', 1));
  const broken = at('orders', 1);
  Object.defineProperty(broken, 'timeouts', {
    get: () => {
      throw new Error('boom');
    },
  });
  await apply(broken);
  expect(bugs).toEqual([new Error('boom')]);
  services.set(new Map([['more', []]]));
  await apply(at('orders', 2), at('more', 3));
  expect(upstreams.all.map(({ declared }) => declared.name)).toEqual(['orders', 'more']);
  expect([...ports.open].sort()).toEqual([2, 3]);
});

it('tries again what ended in a bug, shows it meanwhile, and lets nobody else wait for it', async () => {
  const { apply, bugs, upstreams, find, portOf, clock } = await open(at('orders', 1), at('stock', 2));
  let isBroken = true;
  const once = at('orders', 1, { balancer: { name: 'random' } });
  const { timeouts } = once;
  Object.defineProperty(once, 'timeouts', {
    get: () => {
      if (isBroken) throw new Error('boom');
      return timeouts;
    },
  });
  await apply(once, at('stock', 3));
  expect(portOf('stock')).toBe(3);
  expect([...upstreams.failures]).toEqual([['orders', new Error('boom')]]);
  clock.advance(30_000);
  await settled();
  expect(bugs).toEqual([new Error('boom')]);

  isBroken = false;
  clock.advance(30_000);
  await settled();
  expect(find('orders').cluster.options.balancer.name).toBe('random');
  expect([upstreams.failures.size, clock.armed]).toEqual([0, 0]);
});

it('begins anew when a bug keeps it from going on, and shows it meanwhile', async () => {
  const { apply, bugs, upstreams, shared, portOf, clock } = await open(at('orders', 1));
  const { replace } = shared;
  shared.replace = () => {
    throw new Error('boom');
  };
  await apply(at('more', 2));
  expect(bugs).toEqual([new Error('boom')]);
  expect(upstreams.broken).toEqual(new Error('boom'));
  shared.replace = replace;
  clock.advance(1_000);
  await settled();
  expect(portOf('more')).toBe(2);
  expect([upstreams.broken, clock.armed]).toEqual([null, 0]);
  expect(shared.route(requestHead({ authority: 'more' }), PEER, new Routed()) === null).toBe(false);
});

it('opens nothing more when the program stops', async () => {
  const { apply, ports, upstreams, clock } = await open(at('orders', 1));
  ports.open.add(9);
  await apply(at('orders', 9));
  upstreams.freeze();
  ports.open.delete(9);
  clock.advance(60_000);
  await settled();
  await apply(at('orders', 3));
  expect(ports.bound).toEqual([1]);
});
