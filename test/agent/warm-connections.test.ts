import { expect, it } from 'vitest';
import { makeCluster } from '../../src/agent/clusters.ts';
import { WarmConnections } from '../../src/agent/warm-connections.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { UNLIMITED } from '../../src/net/connection-limit.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { agentParts } from '../support/agent-parts.ts';
import { specs } from '../support/endpoint-specs.ts';
import { FakeSockets } from '../support/fake-transport.ts';

function warmScene(warm: number) {
  const { parts, clock } = agentParts();
  const sockets = new FakeSockets();
  const dialing = {
    connectMs: 1_000,
    connections: { ...DEFAULT_CONNECTIONS, warm },
    limit: UNLIMITED,
    closed: new Closed(),
  };
  const options = {
    balancer: { name: 'round_robin' },
    breaker: DEFAULT_BREAKER,
    tree: DEFAULT_TREE,
    lenses: [],
  } as const;
  const cluster = makeCluster('orders', options, dialing, 'http1', { ...parts, sockets, host: sockets.host });
  const connections = new WarmConnections(cluster, clock, parts.random, dialing);
  cluster.onApply(() => connections.begin());
  return { clock, sockets, dialing, cluster, connections };
}

it('are opened soon after discovery, few at a time, and kept open', () => {
  const { clock, sockets, cluster, connections } = warmScene(3);
  cluster.apply({ service: 'orders', source: 'test', endpoints: specs('ab') });
  expect(sockets.dialed.length).toBe(0);
  while (sockets.dialed.length === 0) clock.advance(10);
  expect(clock.now()).toBeLessThanOrEqual(2_010);
  expect(sockets.dialed.length).toBe(4);
  for (const transport of sockets.dialed) transport.connect();
  clock.advance(1_510);
  expect(sockets.dialed.length).toBe(6);
  for (const transport of sockets.dialed.slice(4)) transport.connect();
  clock.advance(1_000);
  expect(sockets.dialed.length).toBe(6);
  sockets.dialed[0]!.fin();
  clock.advance(1_510);
  expect(sockets.dialed.length).toBe(7);
  connections.end();
  clock.advance(10_000);
  expect(sockets.dialed.length).toBe(7);
});

it('are not opened to who is critical, or left out', () => {
  const { clock, sockets, cluster } = warmScene(1);
  const [a, b] = specs('ab');
  cluster.apply({ service: 'orders', source: 'test', endpoints: [{ ...a!, health: 'critical' }, b!] });
  for (const endpoint of cluster.endpoints) endpoint.isEjected = endpoint.id === b!.id;
  clock.advance(3_000);
  expect(sockets.dialed.length).toBe(0);
  for (const endpoint of cluster.endpoints) endpoint.isEjected = false;
  clock.advance(1_510);
  expect(sockets.dialed.length).toBe(1);
});

it('cost nothing where none are wanted, and end with a reload that wants none', () => {
  const none = warmScene(0);
  none.cluster.apply({ service: 'orders', source: 'test', endpoints: specs('ab') });
  expect(none.clock.armed).toBe(0);
  const some = warmScene(1);
  some.cluster.apply({ service: 'orders', source: 'test', endpoints: specs('a') });
  some.dialing.connections = DEFAULT_CONNECTIONS;
  some.clock.advance(1_010);
  expect([some.sockets.dialed.length, some.clock.armed]).toEqual([0, 0]);
});
