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
const healthOf = (...checks: object[]) => decodeHealth([entry({ checks })])[0]?.health;

describe('decodeHealth', () => {
  it('reads an instance', () => {
    expect(decodeHealth([entry({ checks: [check('passing')] })])).toEqual([
      {
        id: '10.0.0.1:8080/web-1',
        host: '10.0.0.1',
        port: 8080,
        weight: 10,
        health: 'passing',
        tags: ['v1'],
        meta: { version: '1.2.3' },
        zone: null,
      },
    ]);
  });

  it('is lenient where Consul writes null or nothing', () => {
    const [spec] = decodeHealth([{ ...entry({ service: { Tags: null, Meta: null, Weights: null } }), Checks: null }]);
    expect(spec).toMatchObject({ weight: 1, health: 'passing', tags: [], meta: {} });
  });

  it('falls back to the address of the node', () => {
    expect(decodeHealth([entry({ service: { Address: '' } })])[0]?.id).toBe('10.0.0.9:8080/web-1');
  });

  it('drops what nobody could connect to', () => {
    expect(decodeHealth([entry({ service: { Port: 0 } })])).toEqual([]);
    expect(decodeHealth([entry({ service: { Port: undefined, Ports: [{ name: 'http', port: 80 }] } })])).toEqual([]);
    expect(decodeHealth([entry({ service: { Address: '' }, node: { Address: '' } })])).toEqual([]);
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
    expect(decodeHealth([entry({ checks: [check('warning')] })])[0]).toMatchObject({ weight: 3, health: 'warning' });
  });

  it('takes an instance of weight zero out', () => {
    const weights = { Weights: { Passing: 0, Warning: 5 } };
    expect(decodeHealth([entry({ service: weights })])[0]).toMatchObject({ weight: 1, health: 'critical' });
    expect(decodeHealth([entry({ service: weights, checks: [check('warning')] })])[0]).toMatchObject({
      weight: 5,
      health: 'warning',
    });
  });

  it('caps weights', () => {
    expect(decodeHealth([entry({ service: { Weights: { Passing: 1e9 } } })])[0]?.weight).toBe(65_535);
    expect(decodeHealth([entry({ service: { Weights: { Passing: 'many' } } })])[0]?.weight).toBe(1);
  });

  it('reads the zone from the locality, else from the meta of the node', () => {
    expect(decodeHealth([entry({ service: { Locality: { Region: 'eu', Zone: 'eu-1' } } })])[0]?.zone).toBe('eu-1');
    expect(decodeHealth([entry({ node: { Meta: { zone: 'eu-2' } } })])[0]?.zone).toBe('eu-2');
  });

  it('lists in the same order whatever the order of the answer, and each id once', () => {
    const a = entry({ service: { ID: 'a' } });
    const b = entry({ service: { ID: 'b' } });
    expect(decodeHealth([b, a, b])).toEqual(decodeHealth([a, b]));
    expect(decodeHealth([a, b]).map(({ id }) => id)).toEqual(['10.0.0.1:8080/a', '10.0.0.1:8080/b']);
  });

  it('keeps a meta key that is special to JavaScript as plain data', () => {
    const meta = JSON.parse('{"__proto__":"x","version":"1"}') as object;
    const [spec] = decodeHealth([entry({ service: { Meta: meta } })]);
    expect(Object.keys(spec?.meta ?? {}).sort()).toEqual(['__proto__', 'version']);
  });

  it('refuses the whole answer when a needed field has another type', () => {
    for (const parts of [
      { service: { ID: null } },
      { service: { Port: 65_536 } },
      { service: { Port: 1.5 } },
      { service: { Address: 5 } },
      { service: { Weights: [] } },
      { checks: [{ Status: 5 }] },
      { checks: ['critical'] },
    ] satisfies Parts[]) {
      expect(() => decodeHealth([entry(), entry(parts)]), JSON.stringify(parts)).toThrow(/health answer\[1\]/);
    }
  });
});
