import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { EjectionEvent } from '../../src/cluster/ejection/journal.ts';
import type { LensSpec } from '../../src/cluster/lens.ts';
import type { LiveEndpoint } from '../../src/cluster/live-endpoint.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { DEFAULT_EJECTION, type EjectionOptions } from '../../src/policy/outlier/options.ts';
import { evidence } from './evidence.ts';
import { IdleConnector, pickContext, spec } from './fake-endpoint.ts';
import { ManualClock } from './manual-clock.ts';

/** Round times without chance. */
export const JUDGED: EjectionOptions = { ...DEFAULT_EJECTION, jitterMs: 0 };

export type Judged = ReturnType<typeof judgedCluster>;

/** A cluster whose endpoints are judged, and attempts at them as if there had been some. */
export function judgedCluster(
  options: Partial<EjectionOptions> = {},
  lenses: readonly LensSpec[] = [],
  later: (task: () => void) => void = (task) => task(),
) {
  const clock = new ManualClock();
  const random = new SeededRandom(11);
  const events: EjectionEvent[] = [];
  const ejection: EjectionOptions | null = { ...JUDGED, ...options };
  const made = { balancer: { name: 'round_robin' }, breaker: DEFAULT_BREAKER, tree: DEFAULT_TREE, lenses } as const;
  const cluster = new Cluster({
    name: 'orders',
    options: { ...made, ejection },
    balancer: makeBalancer({ name: 'round_robin' }, random),
    connectorFactory: () => new IdleConnector(),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    ejectionListener: { onEjectionEvent: (event) => void events.push(event) },
    later,
  });
  const apply = (...endpoints: EndpointSpec[]): void => cluster.apply({ service: 'orders', endpoints, source: 'test' });
  const find = (id: string): LiveEndpoint => [...cluster.endpoints].find((endpoint) => endpoint.id === id)!;
  /** One attempt, if its breaker lets it: from its beginning to what it showed. */
  const attempt = (id: string, status: number, tookMs = 10): boolean => {
    const endpoint = find(id);
    const ticket = endpoint.gate.admit(clock.now());
    if (ticket === 0) return false;
    const startedAt = clock.now();
    const outcome = status >= 500 ? 'failure' : 'success';
    const proof = evidence(outcome, { status, startedAt, sentAt: startedAt, firstByteAt: startedAt + tookMs });
    endpoint.gate.settle(ticket, proof, startedAt);
    endpoint.learn(proof, startedAt);
    return true;
  };
  const attempts = (id: string, times: number, status = 200, tookMs = 10): void => {
    for (let i = 0; i < times; i++) attempt(id, status, tookMs);
  };
  const picks = (): string => {
    const ids = new Set<string>();
    for (let i = 0; i < 60; i++) ids.add(cluster.pick(pickContext({ now: clock.now() }))?.id ?? 'none');
    return [...ids].sort().join('');
  };
  const out = (): string =>
    [...cluster.endpoints]
      .filter(({ isEjected }) => isEjected)
      .map(({ id }) => id)
      .join('');
  /** What happened since the last look. */
  const take = (): string[] =>
    events
      .splice(0)
      .map((event) => `${event.endpoint} ${event.kind} ${event.kind === 'returned' ? event.why : event.detector}`);
  const reconfigure = (next: EjectionOptions | null): void => cluster.reconfigure({ ...made, ejection: next }, null);
  return { cluster, clock, events, apply, find, attempt, attempts, picks, out, take, reconfigure, spec };
}
