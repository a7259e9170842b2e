import type { Moment } from '../../src/base/clock.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import { Freshness } from '../../src/cluster/freshness.ts';
import { InFlight, type Tally } from '../../src/cluster/in-flight.ts';
import type { PickContext } from '../../src/cluster/picker.ts';
import type { ReportedWeight } from '../../src/cluster/reported-weight.ts';
import { WARM } from '../../src/cluster/slow-start.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import type { Connector } from '../../src/http/conduit.ts';
import type { Gate } from '../../src/policy/gate.ts';

export function spec(id: string, more: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    id,
    host: '127.0.0.1',
    port: 1,
    weight: 1,
    health: 'passing',
    tags: [],
    meta: {},
    zone: null,
    priority: 0,
    role: null,
    ...more,
  };
}

/** A connector that is never used, and counts its retirements. */
export class IdleConnector implements Connector {
  retired = 0;

  acquire(): never {
    throw new Error('nothing is sent in this test');
  }

  dial(): never {
    throw new Error('nothing is dialled in this test');
  }

  retire(): void {
    this.retired++;
  }
}

/** An endpoint whose gate, load and weight are what a test says. Its address is that of its id, `host:port/service`, if that has one. */
export class FakeEndpoint implements Endpoint {
  readonly spec: EndpointSpec;
  readonly connector = new IdleConnector();
  readonly isHealthy: boolean = true;
  readonly isRemoved = false;
  readonly freshness = new Freshness();
  readonly inFlight = new InFlight();
  /** Expected ms of one attempt. */
  cost = 1;
  isOpen = false;
  warmth = 1;
  reported: ReportedWeight | null = null;
  readonly check = null;
  readonly gate: Gate = {
    refusal: 'circuit_open',
    canAdmit: () => !this.isOpen,
    admit: () => (this.isOpen ? 0 : 1),
    settle: () => undefined,
  };

  constructor(
    readonly id: string,
    weight = 1,
  ) {
    const [, host, port] = /^(.+):(\d+)\//.exec(id) ?? [];
    this.spec = spec(id, host === undefined ? { weight } : { weight, host, port: Number(port) });
  }

  get active(): number {
    return this.inFlight.count;
  }

  set active(count: number) {
    this.inFlight.count = count;
  }

  join(tally: Tally): void {
    this.inFlight.join(tally);
  }

  warmthAt(): number {
    return Math.ceil(this.warmth * WARM);
  }

  writeCost(_moment: Moment, into: Float64Array, slot: number): void {
    into[slot] = this.cost;
  }

  learn(): void {}
}

export function pickContext(more: Partial<PickContext> = {}): PickContext {
  return {
    now: 1000,
    hasHash: false,
    hashHigh: 0,
    hashLow: 0,
    lens: null,
    minPosition: 0,
    avoid: [],
    refusal: 'internal_error',
    ...more,
  };
}
