import type { Clock } from '../../base/clock.ts';
import { Cell, type Watch } from '../../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, EndpointSpec, ServiceQuery } from '../../cluster/snapshot.ts';
import type { AssumedEndpoint, Assumptions } from '../../config/policy-tests/schema.ts';

const FIRST_PORT = 20_000;

/**
 * Discovery as a test assumes it. A service of which nothing is assumed has one endpoint in good health, called as the
 * service is: what a test does not speak of is well.
 */
export class AssumedSource implements DiscoverySource {
  private readonly assumed = new Map<string, { readonly short: string; readonly answer: number | null }>();

  constructor(
    private readonly assumptions: Assumptions,
    private readonly clock: Clock,
  ) {}

  follow({ service, tag }: ServiceQuery): Watch<ClusterSnapshot> {
    const listed = this.assumptions[service] ?? [wellEndpoint(service)];
    const endpoints = listed
      .map((one, i) => this.specOf(one, i, service))
      .filter(({ tags }) => tag === null || tags.includes(tag));
    return new Cell<ClusterSnapshot>(this.clock, { service, endpoints, source: 'test' });
  }

  /** As the test calls it. */
  nameOf(id: string): string {
    return this.assumed.get(id)?.short ?? id;
  }

  answerOf(id: string): number | null {
    return this.assumed.has(id) ? this.assumed.get(id)!.answer : 200;
  }

  private specOf(said: AssumedEndpoint, i: number, service: string): EndpointSpec {
    const { id: short, address: host = '127.0.0.1', port = FIRST_PORT + i, answers } = said;
    const id = `${host}:${port}/${service}/${short}`;
    this.assumed.set(id, { short, answer: answers === 'refused' ? null : answers });
    const { health, tags, meta, weight, zone = null } = said;
    return { id, host, port, health, tags, meta, weight, zone, priority: 0, role: null };
  }
}

function wellEndpoint(id: string): AssumedEndpoint {
  return { id, health: 'passing', tags: [], meta: {}, weight: 1, answers: 200 };
}
