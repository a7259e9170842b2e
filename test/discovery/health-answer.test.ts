import { describe, expect, it } from 'vitest';
import { decodeHealth } from '../../src/discovery/health-answer.ts';

interface Parts {
  readonly node?: object;
  readonly service?: object;
  readonly checks?: unknown;
}

/** An instance as Consul 1.8 lists it, with the parts that matter to a test replaced. */
function entry({ node = {}, service = {}, checks = [] }: Parts = {}): object {
  return {
    Node: {
      ID: 'f9fc',
      Node: 'n1',
      Address: '10.0.0.9',
      Datacenter: 'dc1',
      TaggedAddresses: null,
      Meta: null,
      ...node,
    },
    Service: {
      ID: 'web-1',
      Service: 'web',
      Tags: ['v1'],
      Address: '10.0.0.1',
      Port: 8080,
      Meta: { version: '1.2.3' },
      Weights: { Passing: 10, Warning: 3 },
      Connect: {},
      ...service,
    },
    Checks: checks,
  };
}

const check = (Status: string, CheckID = 'c1'): object => ({ CheckID, Status, ServiceID: 'web-1' });
const endpointsOf = (body: unknown) => decodeHealth(body).endpoints;
const healthOf = (...checks: object[]) => endpointsOf([entry({ checks })])[0]?.health;

describe('decodeHealth', () => {
  it('reads an instance', () => {
    expect(endpointsOf([entry({ checks: [check('passing')] })])).toEqual([
      {
        id: '10.0.0.1:8080/web-1',
        host: '10.0.0.1',
        port: 8080,
        weight: 10,
        health: 'passing',
        tags: ['v1'],
        meta: { version: '1.2.3' },
        zone: null,
        priority: 0,
        role: null,
      },
    ]);
  });

  it('finds the role of an instance in the output of the check that is asked for, by name or id', () => {
    const words = { primary: 'primary', replica: 'replica' };
    const roleBy = (name: string): unknown => {
      const checks = [
        { ...check('passing', 'c1'), Name: 'HTTP', Output: 'replica' },
        { ...check('passing', 'c2'), Name: 'role', Output: 'state: primary' },
        { ...check('passing', 'c3'), Name: 'mute' },
      ];
      const rule = { kind: 'primary_replica', from: { kind: 'check', name }, words, lag: null } as const;
      return decodeHealth([entry({ checks })], rule).endpoints[0]!.role;
    };
    expect(['role', 'c2', 'c1', 'mute', 'other'].map(roleBy)).toEqual(['primary', 'primary', 'replica', null, null]);
  });

  it('finds how late an endpoint is in the output of a check', () => {
    const words = { primary: 'primary', replica: 'replica' };
    const lagBy = (name: string | null): unknown => {
      const checks = [
        { ...check('passing', 'c1'), Name: 'lag', Output: 'state=replica lag=3' },
        { ...check('passing', 'c2'), Name: 'mute', Output: 'fine' },
      ];
      const lag = name === null ? null : ({ kind: 'check', name } as const);
      const rule = { kind: 'primary_replica', from: { kind: 'tag' }, words, lag } as const;
      return decodeHealth([entry({ checks })], rule).endpoints[0]!.lagMs;
    };
    expect(['lag', 'c1', 'mute', 'other', null].map(lagBy)).toEqual([3_000, 3_000, undefined, undefined, undefined]);
  });

  it('is lenient where Consul writes null or nothing', () => {
    const [spec] = endpointsOf([{ ...entry({ service: { Tags: null, Meta: null, Weights: null } }), Checks: null }]);
    expect(spec).toMatchObject({ weight: 1, health: 'passing', tags: [], meta: {} });
  });

  it('falls back to the address of the node', () => {
    expect(endpointsOf([entry({ service: { Address: '' } })])[0]?.id).toBe('10.0.0.9:8080/web-1');
  });

  it('drops what nobody could connect to', () => {
    expect(endpointsOf([entry({ service: { Port: 0 } })])).toEqual([]);
    expect(endpointsOf([entry({ service: { Port: undefined, Ports: [{ name: 'http', port: 80 }] } })])).toEqual([]);
    expect(endpointsOf([entry({ service: { Address: '' }, node: { Address: '' } })])).toEqual([]);
  });

  it('takes the worst of all checks, those of the node included', () => {
    expect(healthOf(check('passing'), check('passing', 'serfHealth'))).toBe('passing');
    expect(healthOf(check('passing'), check('warning'))).toBe('warning');
    expect(healthOf(check('warning'), check('critical', 'serfHealth'))).toBe('critical');
    expect(healthOf(check('critical'), check('warning'))).toBe('critical');
  });

  it('tells maintenance of a service or its node from failure, in any order', () => {
    expect(healthOf(check('critical', '_service_maintenance:web-1'), check('critical'))).toBe('maintenance');
    expect(healthOf(check('critical'), check('critical', '_node_maintenance'))).toBe('maintenance');
  });

  it('gives a warning instance its own weight', () => {
    expect(endpointsOf([entry({ checks: [check('warning')] })])[0]).toMatchObject({ weight: 3, health: 'warning' });
  });

  it('takes an instance of weight zero out', () => {
    const weights = { Weights: { Passing: 0, Warning: 5 } };
    expect(endpointsOf([entry({ service: weights })])[0]).toMatchObject({ weight: 1, health: 'critical' });
    expect(endpointsOf([entry({ service: weights, checks: [check('warning')] })])[0]).toMatchObject({
      weight: 5,
      health: 'warning',
    });
  });

  it('caps weights', () => {
    expect(endpointsOf([entry({ service: { Weights: { Passing: 1e9 } } })])[0]?.weight).toBe(65_535);
    expect(endpointsOf([entry({ service: { Weights: { Passing: 'many' } } })])[0]?.weight).toBe(1);
  });

  it('reads the zone from the locality, else from the meta of the service, else from that of the node', () => {
    const everywhere = { service: { Meta: { zone: 'eu-3' } }, node: { Meta: { zone: 'eu-2' } } };
    expect(endpointsOf([entry(everywhere)])[0]?.zone).toBe('eu-3');
    expect(endpointsOf([entry({ service: { Locality: { Region: 'eu', Zone: 'eu-1' } } })])[0]?.zone).toBe('eu-1');
    expect(endpointsOf([entry({ node: { Meta: { zone: 'eu-2' } } })])[0]?.zone).toBe('eu-2');
  });

  it('lists in the same order whatever the order of the answer, and each id once', () => {
    const a = entry({ service: { ID: 'a' } });
    const b = entry({ service: { ID: 'b' } });
    expect(endpointsOf([b, a, b])).toEqual(endpointsOf([a, b]));
    expect(endpointsOf([a, b]).map(({ id }) => id)).toEqual(['10.0.0.1:8080/a', '10.0.0.1:8080/b']);
  });

  it('keeps a meta key that is special to JavaScript as plain data', () => {
    const meta = JSON.parse('{"__proto__":"x","version":"1"}') as object;
    const [spec] = endpointsOf([entry({ service: { Meta: meta } })]);
    expect(Object.keys(spec?.meta ?? {}).sort()).toEqual(['__proto__', 'version']);
  });

  it('keeps the best health of an id that two nodes list', () => {
    const seen = (...healths: string[]) => endpointsOf(healths.map((text) => entry({ checks: [check(text)] })));
    expect(seen('critical', 'passing', 'warning').map(({ health }) => health)).toEqual(['passing']);
    expect(seen('passing', 'critical').map(({ health }) => health)).toEqual(['passing']);
    const drained = entry({ checks: [check('critical', '_node_maintenance')] });
    expect(endpointsOf([entry({ checks: [check('critical')] }), drained])[0]?.health).toBe('maintenance');
  });

  it('leaves out an instance whose port is none, names it, and takes the others', () => {
    const bad = (ID: string, Port: number) => entry({ service: { ID, Port } });
    const { endpoints, skipped } = decodeHealth([bad('x', 70_000), entry(), bad('y', -1)]);
    expect(endpoints.map(({ id }) => id)).toEqual(['10.0.0.1:8080/web-1']);
    expect(skipped).toEqual(['"x" has port 70000', '"y" has port -1']);
    const many = decodeHealth([1, 2, 3, 4, 5].map((i) => bad(`${i}`, 70_000)));
    expect(many.skipped).toHaveLength(4);
    expect(many.skipped[3]).toBe('2 more');
  });

  it('tells what the instances are read under, each once', () => {
    const other = entry({ node: { Node: 'n2' }, service: { ID: 'b', Service: 'web-sidecar-proxy' } });
    expect(decodeHealth([entry(), entry({ service: { ID: 'a' } }), other]).resources).toEqual([
      { kind: 'service', name: 'web' },
      { kind: 'node', name: 'n1' },
      { kind: 'service', name: 'web-sidecar-proxy' },
      { kind: 'node', name: 'n2' },
    ]);
  });

  it('refuses the whole answer when a needed field has another type', () => {
    for (const parts of [
      { service: { ID: null } },
      { service: { Port: '80' } },
      { service: { Port: 1.5 } },
      { service: { Address: 5 } },
      { service: { Weights: [] } },
      { checks: [{ Status: 5 }] },
      { checks: ['critical'] },
    ] satisfies Parts[]) {
      expect(() => endpointsOf([entry(), entry(parts)]), JSON.stringify(parts)).toThrow(/health answer\[1\]/);
    }
  });
});
