import { describe, expect, it } from 'vitest';
import { CheckedCluster } from '../../src/agent/checked-cluster.ts';
import type { CheckOptions } from '../../src/cluster/checks/options.ts';
import { checkedCluster, checkOptions } from '../support/checked-endpoints.ts';
import { namesOf, spec, specs } from '../support/endpoint-specs.ts';

const KEEPING = checkOptions({ intervalMs: 1_000, unhealthyIntervalMs: 500, keepLostMs: 5_000 });

/** Endpoints that discovery has named and that pass each check, unless a test says otherwise. */
function setUp(names: string, options: CheckOptions | null = KEEPING) {
  const scene = checkedCluster(KEEPING);
  scene.checks.stop();
  const checked = new CheckedCluster(scene.cluster, scene.parts);
  checked.reconfigure(options);
  const tell = (endpoints: ReturnType<typeof specs>) => {
    checked.apply({ service: 'orders', endpoints, source: 'consul' });
    scene.later();
  };
  const known = (): string => namesOf([...scene.cluster.endpoints].map((endpoint) => endpoint.spec));
  /** Time passes, and everybody answers so. */
  const pass = (ms: number, status: (name: string) => number = () => 200): void => {
    for (let gone = 0; gone < ms; gone += 100) {
      scene.clock.advance(100);
      scene.pick();
      for (const name of names) {
        const { last } = scene.at(name);
        if (last !== undefined && !last.isAborted && last.isSent) {
          last.isSent = false;
          last.answer(status(name));
        }
      }
      scene.later();
    }
  };
  tell(specs(names));
  return { ...scene, checked, tell, known, pass };
}

describe('an endpoint that discovery has lost', () => {
  it('stays while it passes, for so long at most', () => {
    const { tell, known, pass, used } = setUp('abc');
    pass(100);
    tell(specs('a'));
    expect(known()).toBe('abc');
    expect(used()).toBe('abc');
    pass(4_800);
    expect(known()).toBe('abc');
    pass(300);
    expect(known()).toBe('a');
  });

  it('goes when a reload says that none is kept, or not for so long', () => {
    const { checked, tell, known, pass, later, clock } = setUp('abc');
    pass(100);
    tell(specs('ab'));
    pass(1_000);
    checked.reconfigure({ ...KEEPING, keepLostMs: 2_000 });
    later();
    expect(known()).toBe('abc');
    pass(1_100);
    expect(known()).toBe('ab');
    tell(specs('a'));
    expect(known()).toBe('ab');
    checked.reconfigure({ ...KEEPING, keepLostMs: 0 });
    later();
    expect(known()).toBe('a');
    checked.end();
    expect(clock.armed).toBe(0);
  });

  it('goes when it is down', () => {
    const { tell, known, pass } = setUp('ab');
    pass(100);
    tell(specs('a'));
    pass(1_200, (name) => (name === 'b' ? 503 : 200));
    expect(known()).toBe('a');
  });

  it('goes at once when no check has found it well, or when it was announced', () => {
    const { tell, known, pass } = setUp('abc');
    pass(100, (name) => (name === 'b' ? 500 : 200));
    const [a, b] = specs('ab');
    tell([a!, b!, spec('c', { health: 'maintenance' })]);
    tell(specs('a'));
    expect(known()).toBe('a');
  });

  it('is the same when it is named again', () => {
    const { tell, known, pass, live } = setUp('ab');
    pass(100);
    const before = live('b');
    tell(specs('a'));
    pass(3_000);
    tell(specs('ab'));
    pass(6_000);
    expect(known()).toBe('ab');
    expect(live('b')).toBe(before);
  });

  it('goes at once where that is not wanted', () => {
    const { tell, known, pass } = setUp('ab', { ...KEEPING, keepLostMs: 0 });
    pass(100);
    tell(specs('a'));
    expect(known()).toBe('a');
  });

  it('goes with the checks', () => {
    const { tell, known, pass, checked, clock } = setUp('ab');
    pass(100);
    tell(specs('a'));
    checked.reconfigure(null);
    expect(known()).toBe('a');
    checked.end();
    expect(clock.armed).toBe(0);
  });
});

it('begins and ends checks with the configuration', () => {
  const { checked, live, pass, used } = setUp('ab', null);
  expect([checked.checks, live('a').check]).toEqual([null, null]);
  checked.reconfigure(KEEPING);
  pass(100, (name) => (name === 'a' ? 503 : 200));
  expect(used()).toBe('b');
  checked.reconfigure(null);
  expect([checked.checks, live('a').check]).toEqual([null, null]);
  expect(used()).toBe('ab');
});
