import type { Endpoint } from '../../src/cluster/endpoint.ts';
import type { PickContext } from '../../src/cluster/picker.ts';
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

/** An endpoint whose gate, load and weight are what a test says. */
export class FakeEndpoint implements Endpoint {
  readonly spec: EndpointSpec;
  readonly connector = new IdleConnector();
  readonly isHealthy = true;
  readonly isRemoved = false;
  active = 0;
  /** Expected ms of one attempt. */
  cost = 1;
  isOpen = false;
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
    this.spec = spec(id, { weight });
  }

  weightAt(): number {
    return this.spec.weight;
  }

  loadAt(): number {
    return this.cost * (this.active + 1);
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
    avoid: [],
    refusal: 'internal_error',
    ...more,
  };
}
