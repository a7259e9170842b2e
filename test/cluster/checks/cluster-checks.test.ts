import { describe, expect, it } from 'vitest';
import { DEFAULT_CHECK } from '../../../src/cluster/checks/options.ts';
import { NO_CONNECTION } from '../../../src/http/no-connection.ts';
import { checkedCluster, checkOptions, fieldsOf, PAGE } from '../../support/checked-endpoints.ts';
import { spec, specs } from '../../support/endpoint-specs.ts';

const FAST = checkOptions({ intervalMs: 1_000, unhealthyIntervalMs: 500, timeoutMs: 200 });

/** Endpoints that have passed once, with traffic. */
function passing(names: string, options = FAST) {
  const scene = checkedCluster(options);
  scene.know(names);
  scene.used();
  scene.clock.advance(10);
  for (const name of names) scene.at(name).last.answer(200);
  return scene;
}

describe('the checks of a cluster', () => {
  it('ask each endpoint, and again after the interval', () => {
    const { clock, at, checks, used } = passing('ab');
    expect(checks.counts.passed).toBe(2);
    clock.advance(990);
    expect(at('a').asked).toHaveLength(1);
    clock.advance(20);
    expect([at('a').asked.length, at('b').asked.length]).toEqual([2, 2]);
    expect(used()).toBe('ab');
  });

  it('take out who fails so often, sooner than the interval, and bring it back', () => {
    const { clock, at, checks, used, live } = passing('ab');
    clock.advance(1_010);
    at('b').last.answer(200);
    at('a').last.answer(500);
    expect(used()).toBe('ab');
    for (let i = 0; i < 2; i++) {
      clock.advance(510);
      at('a').last.answer(500);
    }
    expect(checks.counts.failed).toBe(3);
    expect(live('a').isProbedDown).toBe(true);
    expect(used()).toBe('b');
    clock.advance(510);
    at('a').last.answer(200);
    expect(used()).toBe('b');
    clock.advance(510);
    at('a').last.answer(200);
    expect(used()).toBe('ab');
  });

  it('give up an endpoint that does not answer in time', () => {
    const { clock, at, checks, live } = passing('a');
    for (let i = 0; i < 3; i++) {
      clock.advance(i === 0 ? 1_010 : 510);
      clock.advance(210);
      expect(at('a').last.isAborted).toBe(true);
    }
    expect(checks.counts.timeout).toBe(3);
    expect(live('a').isProbedDown).toBe(true);
    expect(live('a').check!.last!.verdict.why).toBe('no answer in time');
  });

  it('find a frozen endpoint within 28 s by the defaults', () => {
    const { clock, live, pick } = passing('a', {
      ...DEFAULT_CHECK,
      question: PAGE,
      identity: null,
      initialJitterMs: 0,
    });
    const frozenAt = clock.now();
    while (!live('a').isProbedDown) {
      pick();
      clock.advance(100);
    }
    expect(clock.now() - frozenAt).toBeGreaterThan(26_000);
    expect(clock.now() - frozenAt).toBeLessThan(28_100);
  });

  it('use everybody when everybody is down', () => {
    const scene = checkedCluster(FAST);
    scene.know('ab');
    scene.clock.advance(10);
    for (const name of 'ab') scene.at(name).last.answer(503);
    expect(scene.live('a').isHealthy).toBe(false);
    expect(scene.used()).toBe('ab');
    expect(scene.cluster.criticalParts).toEqual(['']);
  });

  it('use a new endpoint before its first check', () => {
    const { know, used } = passing('a');
    know('ab');
    expect(used()).toBe('ab');
  });

  it('wait for the first success of a new one where that is wanted', () => {
    const { know, used, clock, at } = passing('a', { ...FAST, newEndpoints: 'wait' });
    know('abc');
    expect(used()).toBe('a');
    clock.advance(10);
    at('b').last.answer(200);
    at('c').last.answer(500);
    expect(used()).toBe('ab');
  });

  it('use all that are waited for while there is nobody else', () => {
    const scene = checkedCluster({ ...FAST, newEndpoints: 'wait' });
    scene.know('ab');
    expect(scene.used()).toBe('ab');
    scene.clock.advance(10);
    scene.at('a').last.answer(200);
    expect(scene.used()).toBe('a');
  });

  it('ask seldom while there is no traffic, and count what they ask for as none', () => {
    const scene = checkedCluster({ ...FAST, noTrafficIntervalMs: 5_000 });
    scene.know('a');
    scene.clock.advance(10);
    scene.at('a').last.answer(200);
    scene.clock.advance(4_900);
    expect(scene.at('a').asked).toHaveLength(1);
    scene.clock.advance(110);
    expect(scene.at('a').asked).toHaveLength(2);
    scene.pick();
    scene.at('a').last.answer(200);
    scene.clock.advance(1_010);
    expect(scene.at('a').asked).toHaveLength(3);
  });

  it('ask at their usual pace as soon as there is traffic again', () => {
    const scene = checkedCluster({ ...FAST, noTrafficIntervalMs: 60_000 });
    scene.know('a');
    scene.clock.advance(10);
    scene.at('a').last.answer(200);
    scene.clock.advance(20_000);
    expect(scene.at('a').asked).toHaveLength(1);
    scene.pick();
    scene.clock.advance(1_010);
    expect(scene.at('a').asked).toHaveLength(2);
    scene.at('a').last.answer(200);
    scene.clock.advance(1_010);
    expect(scene.at('a').asked).toHaveLength(3);
  });

  it('are no requests: nothing is in flight, learned or told to the breaker', () => {
    const { live, clock, at } = passing('a');
    clock.advance(1_010);
    expect(live('a').active).toBe(0);
    at('a').last.fail('connect_refused');
    expect(live('a').hasAnswered).toBe(false);
    expect(live('a').gate.trips).toBe(0);
    for (let i = 0; i < 20; i++) {
      clock.advance(510);
      at('a').last.fail('connect_refused');
    }
    expect(live('a').gate.state).toBe('closed');
  });

  it('do not end an ejection, however well they pass', () => {
    const { live, clock, at } = passing('ab');
    live('a').isEjected = true;
    for (let i = 0; i < 3; i++) {
      clock.advance(1_010);
      at('a').last.answer(200);
      at('b').last.answer(200);
    }
    expect(live('a').isHealthy).toBe(false);
  });

  it('end with the endpoint', () => {
    const { know, clock, at, turnstile } = passing('ab');
    clock.advance(1_010);
    know('b');
    expect(at('a').last.isAborted).toBe(true);
    const before = at('a').asked.length;
    at('b').last.answer(200);
    clock.advance(10_000);
    expect(at('a').asked).toHaveLength(before);
    expect(turnstile.inside).toBeLessThanOrEqual(1);
  });

  it('end with the cluster, and leave nothing behind', () => {
    const { checks, clock, turnstile, live } = passing('abc');
    clock.advance(1_010);
    expect(turnstile.inside).toBe(3);
    checks.stop();
    expect([turnstile.inside, turnstile.waiting, clock.armed]).toEqual([0, 0, 0]);
    expect([live('a').check, live('a').isProbedDown]).toEqual([null, false]);
  });

  it('go on by other options, and keep what they know', () => {
    const { checks, clock, at, live, used } = passing('ab');
    clock.advance(1_010);
    at('a').last.answer(503);
    expect(used()).toBe('b');
    const asked = at('b').last;
    checks.reconfigure({ ...FAST, question: { ...PAGE, path: '/new' } });
    expect(asked.isAborted).toBe(true);
    expect(live('a').isProbedDown).toBe(true);
    clock.advance(10);
    expect(at('a').last.head!.path).toBe('/new');
    const count = at('a').asked.length;
    checks.reconfigure({ ...FAST, question: { ...PAGE, path: '/new' } });
    clock.advance(10);
    expect(at('a').asked).toHaveLength(count);
  });

  it('heed an ordinary answer that withdraws its endpoint, until checks pass', () => {
    const { live, clock, used, at, checks } = passing('ab');
    live('a').check!.read(fieldsOf({}), clock.now());
    expect(used()).toBe('ab');
    for (let i = 0; i < 2; i++)
      live('a').check!.read(fieldsOf({ 'x-envoy-immediate-health-check-fail': '1' }), clock.now());
    expect(used()).toBe('b');
    expect(checks.counts.withdrawn).toBe(1);
    for (let i = 0; i < 2; i++) {
      clock.advance(510);
      at('a').last.answer(200);
    }
    expect(used()).toBe('ab');
  });

  it('do not where that is not wanted', () => {
    const { live, clock, used } = passing('ab', { ...FAST, heedsAnswers: false });
    live('a').check!.read(fieldsOf({ 'x-envoy-immediate-health-check-fail': '1' }), clock.now());
    expect(used()).toBe('ab');
  });

  it('do not make well who is critical for discovery, nor use who is in maintenance', () => {
    const scene = passing('abc');
    const [a, b] = specs('ab');
    scene.tell([a!, { ...b!, health: 'critical' }, spec('c', { health: 'maintenance' })]);
    expect(scene.used()).toBe('a');
    scene.clock.advance(1_010);
    scene.at('a').last.answer(503);
    expect(scene.used()).toBe('ab');
  });

  it('ask no more at once than there is room for, and all in the end', () => {
    const names = 'abcdefgh';
    const scene = checkedCluster(FAST, { room: 3 });
    scene.know(names);
    scene.clock.advance(10);
    const out = () => [...names].filter((name) => scene.at(name).asked.some(({ isAborted }) => !isAborted));
    expect(out()).toHaveLength(3);
    expect(scene.turnstile.waiting).toBe(5);
    const done = new Set<string>();
    while (done.size < names.length) {
      const [next] = out().filter((name) => !done.has(name));
      done.add(next!);
      scene.at(next!).last.answer(200);
      expect(scene.turnstile.inside).toBeLessThanOrEqual(3);
    }
    expect(scene.checks.counts.passed).toBe(8);
  });
});

describe('checks that wait for their turn', () => {
  /** Three ask, five wait. */
  const crowd = () => {
    const names = 'abcdefgh';
    const scene = checkedCluster(FAST, { room: 3 });
    scene.know(names);
    scene.clock.advance(10);
    return { ...scene, asked: () => [...names].filter((name) => scene.at(name).asked.length > 0).length };
  };

  it('are not begun because those before them are given up', () => {
    const { checks, asked, turnstile, clock } = crowd();
    checks.stop();
    expect(asked()).toBe(3);
    expect([turnstile.inside, turnstile.waiting, clock.armed]).toEqual([0, 0, 0]);
  });

  it('are not begun by a reload, which begins them all anew', () => {
    const { checks, asked, turnstile, clock } = crowd();
    checks.reconfigure({ ...FAST, timeoutMs: 100 });
    expect([asked(), turnstile.inside]).toEqual([3, 0]);
    clock.advance(10);
    expect([turnstile.inside, turnstile.waiting]).toEqual([3, 5]);
  });

  it('are not begun where their endpoints go together', () => {
    const { asked, know, turnstile } = crowd();
    know('h');
    expect([asked(), turnstile.inside, turnstile.waiting]).toEqual([4, 1, 0]);
  });
});

describe('a check that cannot ask', () => {
  const none = (scene: ReturnType<typeof passing>, name: string): void => {
    scene.at(name).acquire = () => NO_CONNECTION;
  };

  it('says nothing of its endpoint, gives its place back, and is followed by the next one', () => {
    const scene = passing('a');
    none(scene, 'a');
    for (let i = 0; i < 10; i++) {
      scene.pick();
      scene.clock.advance(1_210);
    }
    expect(scene.live('a').isProbedDown).toBe(false);
    expect(scene.live('a').check!.last!.verdict.result).toBe('passed');
    expect(scene.checks.counts).toMatchObject({ timeout: 0, unreachable: 0, failed: 0 });
    expect(scene.turnstile.inside).toBeLessThanOrEqual(1);
    Reflect.deleteProperty(scene.at('a'), 'acquire');
    const before = scene.at('a').asked.length;
    while (scene.at('a').asked.length === before) scene.clock.advance(10);
    scene.at('a').last.answer(200);
    expect(scene.checks.counts.passed).toBe(2);
  });

  it('also where that shows only when the connection is made', () => {
    const scene = passing('a');
    for (let i = 0; i < 5; i++) {
      scene.clock.advance(1_010);
      scene.at('a').last.fail('local_exhausted');
      scene.clock.advance(210);
    }
    expect([scene.live('a').isProbedDown, scene.turnstile.inside]).toEqual([false, 0]);
    expect(scene.checks.counts).toMatchObject({ timeout: 0, unreachable: 0 });
  });

  it('does not bring back who is down, nor one that is waited for', () => {
    const scene = passing('ab', { ...FAST, newEndpoints: 'wait' });
    scene.clock.advance(1_010);
    scene.at('b').last.answer(503);
    none(scene, 'b');
    scene.clock.advance(5_000);
    expect(scene.live('b').isProbedDown).toBe(true);
  });

  it('may be stopped meanwhile, and leaves nothing behind', () => {
    const scene = passing('a');
    none(scene, 'a');
    scene.clock.advance(1_010);
    expect(scene.turnstile.inside).toBe(1);
    scene.checks.stop();
    expect([scene.turnstile.inside, scene.clock.armed]).toEqual([0, 0]);
  });
});

it('checks of ten thousand endpoints are begun a few at a time, and each gets its turn', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => spec('a', { id: `10.1.${i >> 8}.${i & 255}:80/${i}` }));
  const scene = checkedCluster(checkOptions({ initialJitterMs: 1_000, timeoutMs: 100 }));
  scene.tell(many);
  for (let i = 0; i < 20; i++) scene.later();
  scene.clock.advance(1_010);
  expect([scene.turnstile.inside, scene.turnstile.waiting + scene.checks.counts.timeout]).toEqual([64, 10_000 - 64]);
  // Nobody answers, so that each turn lasts as long as it may.
  scene.clock.advance(18_000);
  const unasked = many.filter(({ id }) => scene.at(id.slice(id.indexOf('/') + 1)).asked.length === 0);
  expect(unasked).toEqual([]);
  expect([scene.turnstile.inside, scene.checks.waiting, scene.checks.counts.timeout]).toEqual([0, 0, 10_000]);
});
