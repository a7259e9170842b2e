import type { FailureCode } from '../../src/base/failure.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { ClusterChecks } from '../../src/cluster/checks/cluster-checks.ts';
import { type CheckOptions, DEFAULT_CHECK, type HttpQuestion } from '../../src/cluster/checks/options.ts';
import { Turnstile } from '../../src/cluster/checks/turnstile.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import type { Connector, Hearer, ResponseHandler, Tunnel, TunnelHandler, Upstream } from '../../src/http/conduit.ts';
import { FieldList } from '../../src/http/fields.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { specs } from './endpoint-specs.ts';
import { pickContext } from './fake-endpoint.ts';
import { ManualClock } from './manual-clock.ts';

export const PAGE: HttpQuestion = {
  kind: 'http',
  method: 'GET',
  path: '/health',
  host: 'orders',
  statuses: [[200, 299]],
  body: null,
  headers: {},
};

/** Nothing by lot, so that a test can say when. */
export function checkOptions(more: Partial<CheckOptions> = {}): CheckOptions {
  return { ...DEFAULT_CHECK, question: PAGE, identity: null, jitter: 0, initialJitterMs: 0, ...more };
}

/** A question that has arrived at an endpoint, which answers when the test says so. */
export class Asked implements Upstream {
  readonly version = '1.1';
  readonly bytesWritten = 0;
  head: RequestHead | null = null;
  body = Buffer.alloc(0);
  isSent = false;
  isAborted = false;

  constructor(
    readonly handler: ResponseHandler,
    readonly isReady: boolean,
    readonly isReused: boolean,
  ) {}

  sendHead(head: RequestHead): void {
    this.head = head;
  }

  sendBody(bytes: Buffer): boolean {
    this.body = Buffer.concat([this.body, bytes]);
    return true;
  }

  sendEnd(): void {
    this.isSent = true;
  }

  resume(): void {}

  abort(): void {
    this.isAborted = true;
  }

  answer(
    status: number,
    body: string | Buffer = '',
    fields: Record<string, string> = {},
    trailers: FieldList | null = null,
  ): void {
    const bytes = Buffer.from(body);
    const head = Object.assign(fieldsOf(fields), { status, body: 'length' as const, contentLength: bytes.length });
    this.handler.onHead(head);
    if (bytes.length > 0) this.handler.onBody(bytes);
    this.handler.onEnd(trailers);
  }

  fail(code: FailureCode): void {
    this.handler.onFailure(code);
  }
}

/** A connection that has been dialled. */
export class Dialled implements Tunnel {
  said = '';
  end: 'open' | 'closed' | 'aborted' = 'open';
  hearer: Hearer | null = null;

  constructor(readonly handler: TunnelHandler) {}

  abort(): void {
    this.end = 'aborted';
  }

  talk(words: Buffer | null, hearer: Hearer): void {
    this.said += words?.toString() ?? '';
    this.hearer = hearer;
  }

  close(): void {
    this.end = 'closed';
  }

  cut(): void {
    this.end = 'aborted';
  }
}

export class CheckedConnector implements Connector {
  readonly asked: Asked[] = [];
  readonly dialled: Dialled[] = [];
  /** Each as `acquire` was told. */
  readonly fresh: boolean[] = [];
  isWarm = true;

  acquire(handler: ResponseHandler, fresh: boolean): Upstream {
    const asked = new Asked(handler, this.isWarm, this.isWarm && !fresh);
    this.asked.push(asked);
    this.fresh.push(fresh);
    return asked;
  }

  dial(handler: TunnelHandler): Tunnel {
    const dialled = new Dialled(handler);
    this.dialled.push(dialled);
    return dialled;
  }

  retire(): void {}

  get last(): Asked {
    return this.asked.at(-1)!;
  }
}

/** A cluster whose endpoints are checked, without a socket. */
export function checkedCluster(options: CheckOptions, { room = 64, from = new Turnstile(room) } = {}) {
  const clock = new ManualClock();
  const random = new SeededRandom(5);
  const connectors = new Map<string, CheckedConnector>();
  const tasks: (() => void)[] = [];
  const waitsForChecks = options.newEndpoints === 'wait';
  const cluster = new Cluster({
    name: 'orders',
    options: {
      balancer: { name: 'round_robin' },
      breaker: DEFAULT_BREAKER,
      tree: DEFAULT_TREE,
      lenses: [],
      waitsForChecks,
    },
    balancer: makeBalancer({ name: 'round_robin' }, random),
    connectorFactory: ({ id }) => {
      const connector = new CheckedConnector();
      connectors.set(nameOf(id), connector);
      return connector;
    },
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => void tasks.push(task),
  });
  const listener = {
    onStandingChange: () => undefined,
  };
  const parts = { clock, random, log: NO_LOG, turnstile: from, caller: 'web' };
  const checks = new ClusterChecks(cluster, options, parts, listener);
  const later = (): void => {
    for (const task of tasks.splice(0)) task();
  };
  const tell = (endpoints: readonly EndpointSpec[]): void =>
    cluster.apply({ service: 'orders', endpoints, source: 'test' });
  const pick = () => cluster.pick(pickContext({ now: clock.now() }));
  return {
    cluster,
    checks,
    parts,
    clock,
    turnstile: from,
    tell,
    later,
    know: (names: string) => tell(specs(names)),
    at: (name: string) => connectors.get(name)!,
    /** The endpoint of that name; there is one. */
    live: (name: string) => [...cluster.endpoints].find(({ id }) => nameOf(id) === name)!,
    /** Who is picked, of a hundred picks; traffic too. */
    used: (): string => {
      later();
      const names = new Set<string>();
      for (let i = 0; i < 100; i++) names.add(nameOf(pick()?.id ?? '/-'));
      return [...names].sort().join('');
    },
    pick,
  };
}

function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

export function fieldsOf(fields: Readonly<Record<string, string>>): FieldList {
  const list = new FieldList();
  for (const [name, value] of Object.entries(fields)) list.add(name, value);
  return list;
}
