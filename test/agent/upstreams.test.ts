import { describe, expect, it } from 'vitest';
import { Upstreams } from '../../src/agent/upstreams.ts';
import type { UpstreamConfig } from '../../src/config/config.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { agentConfig, agentParts, listen, upstreamConfig } from '../support/agent-parts.ts';
import { requestHead } from '../support/exchange-script.ts';
import { settled } from '../support/settled.ts';

async function open(...first: UpstreamConfig[]) {
  const made = agentParts();
  const shared = new HostRouter(NOTHING_UNDECLARED);
  const upstreams = new Upstreams(made.parts, shared, made.parts.log, () => undefined);
  await upstreams.open(agentConfig(first));
  const apply = (...configs: UpstreamConfig[]): Promise<void> => upstreams.apply(agentConfig(configs));
  const find = (name: string) => upstreams.all.find(({ declared }) => declared.name === name)!;
  const portOf = (name: string): number | undefined => find(name).entry?.port;
  return { ...made, upstreams, shared, apply, find, portOf };
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
    expect(shared.route(requestHead({ authority: 'orders' })) === find('orders').plan).toBe(true);
  });

  it('that is in use leaves the upstream as it was, and is tried again until it opens', async () => {
    const { apply, find, portOf, ports, upstreams, clock } = await open(at('orders', 1));
    const { entry, plan } = find('orders');
    ports.open.add(9);
    await apply(at('orders', 9, { balancer: 'random' }), at('more', 3));
    expect(find('orders').entry === entry).toBe(true);
    expect(find('orders').plan === plan).toBe(true);
    expect(find('orders').declared.balancer).toBe('p2c_ewma');
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
    expect(find('orders').declared.balancer).toBe('random');
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

it('takes another protocol on the same port', async () => {
  const { apply, find, portOf, shared } = await open(at('orders', 1));
  await apply(at('orders', 1, { protocol: 'tcp' }));
  expect(find('orders').entry!.protocol).toBe('tcp');
  expect(find('orders').plan.labels.protocol).toBe('tcp');
  expect(portOf('orders')).toBe(1);
  expect(shared.route(requestHead({ authority: 'orders' })) === null).toBe(true);
});

it('does not route by an upstream that is gone while others are opened', async () => {
  const { apply, shared, ports } = await open(at('orders', 1));
  const applied = apply(at('more', 2));
  await Promise.resolve();
  await Promise.resolve();
  expect(shared.route(requestHead({ authority: 'orders' })) === null).toBe(true);
  await applied;
  expect([...ports.open]).toEqual([2]);
  expect(shared.route(requestHead({ authority: 'more' })) === null).toBe(false);
});

it('routes by the new plan when discovery has answered another question', async () => {
  const { apply, shared, consul, find } = await open(at('orders', 1));
  consul.answer(0, 'a');
  await apply(at('orders', 1, { filter: 'x' }));
  consul.answer(1, 'b');
  expect(shared.route(requestHead({ authority: 'orders' })) === find('orders').plan).toBe(true);
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
