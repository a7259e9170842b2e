import { describe, expect, it } from 'vitest';
import { roleLenses } from '../../../src/cluster/role-lenses.ts';
import { evidence } from '../../support/evidence.ts';
import { spec } from '../../support/fake-endpoint.ts';
import { JUDGED, type Judged, judgedCluster } from '../../support/judged-cluster.ts';

/** Rows of three are acted on. */
const ROWS = { consecutive5xx: { mode: 'enforce', count: 3 } } as const;

function withRows(names = 'abcd', more: object = {}): Judged {
  const judged = judgedCluster({ ...ROWS, ...more });
  judged.apply(...[...names].map((name) => spec(name)));
  return judged;
}

/** Everyone takes 10 ms, and the last one as long as is said. */
function interval(judged: Judged, names: string, lastMs: number): void {
  for (const name of names) judged.attempts(name, 40, 200, name === names.at(-1) ? lastMs : 10);
  judged.clock.advance(10_000);
}

describe('an ejection', () => {
  it('leaves out who fails three times in a row, and takes nobody along', () => {
    const { attempts, picks, out, take, cluster } = withRows();
    attempts('a', 2, 503);
    expect(out()).toBe('');
    attempts('a', 1, 503);
    expect([out(), picks()]).toEqual(['a', 'bcd']);
    expect(take()).toEqual(['a ejected consecutive_5xx']);
    expect(cluster.ejector.journal.countOf('consecutive_5xx', 'ejected')).toBe(1);
  });

  it('tells why, and until when', () => {
    const { attempts, find, clock } = withRows();
    attempts('a', 3, 503);
    expect(find('a').watcher.ejection).toEqual({
      detector: 'consecutive_5xx',
      figures: { row: 3 },
      at: clock.now(),
      until: clock.now() + 30_000,
      count: 1,
    });
  });

  it('ends by time alone, and the next attempt is a probe that closes the circuit', () => {
    const { attempts, attempt, picks, out, take, clock, find } = withRows();
    attempts('a', 3, 503);
    clock.advance(29_990);
    expect(out()).toBe('a');
    clock.advance(10);
    expect([out(), picks(), find('a').gate.state]).toEqual(['', 'abcd', 'probing']);
    attempt('a', 200);
    expect(find('a').gate.state).toBe('closed');
    expect(take()).toEqual(['a ejected consecutive_5xx', 'a returned time']);
  });

  it('is longer when the probe fails, up to the maximum', () => {
    const { attempts, attempt, clock, events, out } = withRows('abcd', { maxMs: 60_000 });
    attempts('a', 3, 503);
    for (const ms of [30_000, 60_000, 60_000]) {
      expect(out()).toBe('a');
      clock.advance(ms);
      expect(out()).toBe('');
      clock.advance(30_000); // the breaker of a failed probe cools down as well
      attempt('a', 503);
    }
    const lengths = events.map((event) => (event.kind === 'ejected' ? event.forMs : 0)).filter((ms) => ms > 0);
    expect(lengths).toEqual([30_000, 60_000, 60_000, 60_000]);
  });

  it('is forgiven step by step, with every whole interval in which the endpoint behaves', () => {
    const { attempts, attempt, clock, events } = withRows();
    const lengthOf = (): number => events.flatMap((event) => (event.kind === 'ejected' ? [event.forMs] : [])).at(-1)!;
    const eject = (): void => attempts('a', 3, 503);
    eject();
    clock.advance(30_000);
    attempt('a', 200);
    eject();
    expect(lengthOf()).toBe(60_000);
    clock.advance(60_000);
    attempt('a', 200);
    clock.advance(40_000);
    eject();
    expect(lengthOf()).toBe(30_000);
  });

  it('lasts a random time longer, so that not all sidecars return at once', () => {
    const { attempts, events } = withRows('abcd', { jitterMs: 5_000 });
    attempts('a', 3, 503);
    const [event] = events;
    expect(event).toMatchObject({ kind: 'ejected' });
    if (event?.kind !== 'ejected') return;
    expect(event.forMs).toBeGreaterThan(30_000);
    expect(event.forMs).toBeLessThan(35_000);
  });

  it('begins a slow start when the endpoint is back', () => {
    const { attempts, attempt, clock, find, cluster } = withRows();
    cluster.reconfigure(
      {
        ...cluster.options,
        balancer: { name: 'round_robin', slowStart: { windowMs: 60_000, aggression: 1, minWeight: 0.1 } },
      },
      null,
    );
    attempts('a', 3, 503);
    clock.advance(30_000);
    attempt('a', 200);
    expect(find('a').warmthAt({ now: clock.now() })).toBeLessThan(0.2 * 2 ** 30);
  });

  it('drops what began before the endpoint was let in again', () => {
    const { attempts, attempt, clock, find, out } = withRows();
    attempts('a', 3, 503);
    const late = evidence('failure', { status: 503, startedAt: clock.now() - 1, firstByteAt: clock.now() });
    clock.advance(30_000);
    attempt('a', 200);
    for (let i = 0; i < 3; i++) find('a').learn(late, clock.now());
    expect(out()).toBe('');
  });
});

describe('the breaker beside it', () => {
  it('has nothing left to count when the row has been acted on', () => {
    const { attempts, find } = withRows();
    attempts('a', 3, 503);
    attempts('a', 4, 503); // in panic it may still be sent something
    expect(find('a').gate.state).toBe('closed');
  });

  it('that opens first clears the row', () => {
    const { attempts, attempt, find, out, clock } = withRows('abcd', { consecutive5xx: { mode: 'enforce', count: 6 } });
    attempts('a', 5, 503);
    expect(find('a').gate.state).toBe('open');
    clock.advance(1_000);
    attempt('a', 200);
    attempts('a', 4, 503);
    expect([find('a').gate.state, out()]).toEqual(['closed', '']);
  });
});

describe('the law of shares', () => {
  it('leaves out half at most', () => {
    const { attempts, out, take } = withRows('abcd');
    for (const name of 'abc') attempts(name, 3, 503);
    expect(out()).toBe('ab');
    expect(take().at(-1)).toBe('c capped consecutive_5xx');
  });

  it('leaves out one of two or three, and none where there is one', () => {
    for (const [names, expected] of [
      ['a', ''],
      ['ab', 'a'],
      ['abc', 'a'],
    ] as const) {
      const { attempts, out } = withRows(names);
      for (const name of names) attempts(name, 3, 503);
      expect(out()).toBe(expected);
    }
  });

  it('keeps a share of its own that is lower, and one in any case', () => {
    const { attempts, out } = withRows('abcdefgh', { maxShare: 0.25 });
    for (const name of 'abcd') attempts(name, 3, 503);
    expect(out()).toBe('ab');
    const few = withRows('abcd', { maxShare: 0.1 });
    for (const name of 'abcd') few.attempts(name, 3, 503);
    expect(few.out()).toBe('a');
  });

  it('takes the first back when there are fewer than there were', () => {
    const { apply, attempts, attempt, out, take, clock, picks } = withRows('abcd');
    attempts('a', 3, 503);
    clock.advance(100);
    attempts('b', 3, 503);
    take();
    apply(spec('a'), spec('b'), spec('c'), spec('d', { health: 'critical' }));
    expect([out(), take()]).toEqual(['b', ['a returned surplus']]);
    attempt('a', 200);
    apply(spec('a'), spec('b'), spec('c', { health: 'maintenance' }), spec('d', { health: 'critical' }));
    expect([out(), picks()]).toEqual(['b', 'a']);
    apply(spec('b'));
    expect([out(), picks()]).toEqual(['', 'b']);
  });

  it('counts who is down by our own checks among those that are not there', () => {
    const { attempts, cluster, find, out } = withRows('abc');
    attempts('a', 3, 503);
    find('b').isProbedDown = true;
    find('c').isProbedDown = true;
    cluster.onHealthChange();
    expect(out()).toBe('');
  });

  it('takes back who is out when the circuits of all others open, at once and not one by one', () => {
    const { attempts, find, out, take, picks } = withRows('ab');
    attempts('a', 3, 503);
    take();
    const b = find('b');
    for (let i = 0; i < 5; i++) b.gate.settle(b.gate.admit(1000), evidence('failure'), 1000);
    expect([out(), picks(), take()]).toEqual(['', 'a', ['a returned needed']]);
    expect(find('a').gate.state).toBe('closed');
  });

  it('leaves nobody out while the circuits of all others are open', () => {
    const { attempts, find, out, take } = withRows('ab');
    const b = find('b');
    for (let i = 0; i < 5; i++) b.gate.settle(b.gate.admit(1000), evidence('failure'), 1000);
    attempts('a', 3, 503);
    expect([out(), take()]).toEqual(['', ['a capped consecutive_5xx']]);
  });

  it('compares and counts those who do the same: no primary is left out for its replicas', () => {
    const judged = judgedCluster(ROWS, roleLenses('require_replica', null, null));
    judged.apply(spec('a', { role: 'primary' }), ...['b', 'c', 'd'].map((name) => spec(name, { role: 'replica' })));
    judged.attempts('a', 4, 503);
    for (const name of 'bc') judged.attempts(name, 3, 503);
    expect(judged.out()).toBe('b');
  });
});

describe('panic', () => {
  it('takes no notice of who is out', () => {
    const { attempts, cluster, out, picks } = withRows('ab');
    cluster.reconfigure({ ...cluster.options, tree: { ...cluster.options.tree, panic: 0.9 } }, null);
    attempts('a', 3, 503);
    expect([out(), picks(), cluster.isPanic]).toEqual(['a', 'ab', true]);
  });
});

describe('the end of an interval', () => {
  it('leaves out the one that takes far longer than its peers', () => {
    const judged = judgedCluster();
    judged.apply(spec('a'), spec('b'), spec('c'));
    interval(judged, 'abc', 400);
    expect([judged.out(), judged.picks(), judged.take()]).toEqual(['c', 'ab', ['c ejected latency']]);
  });

  it('lets it in again after a while, and out for longer as long as it is slow', () => {
    const judged = judgedCluster();
    judged.apply(spec('a'), spec('b'), spec('c'));
    interval(judged, 'abc', 400);
    judged.clock.advance(30_000);
    judged.attempt('c', 200, 400);
    interval(judged, 'abc', 400);
    const last = judged.events.at(-1)!;
    expect(last).toMatchObject({ endpoint: 'c', kind: 'ejected', detector: 'latency', forMs: 60_000, count: 2 });
  });

  it('leaves everyone in where all are slow', () => {
    const judged = judgedCluster();
    judged.apply(spec('a'), spec('b'), spec('c'));
    for (const name of 'abc') judged.attempts(name, 40, 200, 5000);
    judged.clock.advance(10_000);
    expect(judged.out()).toBe('');
  });

  it('does not compare a datacenter with the one next door', () => {
    const judged = judgedCluster();
    judged.apply(spec('a'), spec('b'), spec('c', { priority: 1 }));
    interval(judged, 'abc', 400);
    expect(judged.out()).toBe('');
  });

  it('leaves out the one of five that fails more than the others, which its breaker does not see', () => {
    const judged = judgedCluster();
    judged.apply(...['a', 'b', 'c', 'd', 'e'].map((name) => spec(name)));
    for (const name of 'abcd') judged.attempts(name, 150);
    for (let i = 0; i < 150; i++) judged.attempt('e', i % 4 === 0 ? 500 : 200);
    judged.clock.advance(10_000);
    expect([judged.out(), judged.find('e').gate.state]).toEqual(['e', 'closed']);
    expect(judged.events.at(-1)).toMatchObject({ detector: 'success_rate' });
  });

  it('arms nothing for a cluster that nobody uses, and nothing for long when it is used no more', () => {
    const judged = judgedCluster(ROWS);
    judged.apply(spec('a'), spec('b'));
    expect(judged.clock.armed).toBe(0);
    judged.attempt('a', 200);
    expect(judged.clock.armed).toBe(1);
    judged.clock.advance(20_000);
    expect(judged.clock.armed).toBe(0);
    judged.attempts('a', 3, 503);
    judged.clock.advance(50_000);
    expect(judged.clock.armed).toBe(0);
  });
});

describe('observing', () => {
  it('counts what it would do, writes it down once in an interval, and does nothing', () => {
    const { attempts, out, take, cluster, clock } = withRows('abcd', { consecutive5xx: { mode: 'observe', count: 2 } });
    for (let i = 0; i < 3; i++) {
      attempts('a', 2, 503);
      attempts('a', 1, 200);
    }
    expect([out(), take()]).toEqual(['', ['a observed consecutive_5xx']]);
    expect(cluster.ejector.journal.countOf('consecutive_5xx', 'observed')).toBe(3);
    clock.advance(10_000);
    attempts('a', 2, 503);
    expect(take()).toEqual(['a observed consecutive_5xx']);
  });
});

describe('a change', () => {
  it('of the options lets in whom they leave nothing to be out for', () => {
    const { attempts, out, reconfigure, find, take } = withRows();
    attempts('a', 3, 503);
    reconfigure({ ...JUDGED, ...ROWS, baseMs: 1_000 });
    expect(out()).toBe('a');
    take();
    reconfigure(JUDGED);
    expect([out(), find('a').gate.state, take()]).toEqual(['', 'probing', ['a returned options']]);
  });

  it('that switches it off lets everyone in and arms nothing', () => {
    const { attempts, out, reconfigure, clock, cluster } = withRows();
    attempts('a', 3, 503);
    reconfigure(null);
    expect([out(), clock.armed, cluster.ejector.isOn]).toEqual(['', 0, false]);
    attempts('b', 3, 503);
    expect(out()).toBe('');
    reconfigure({ ...JUDGED, ...ROWS });
    attempts('c', 3, 503);
    expect(out()).toBe('c');
  });

  it('of the endpoints keeps who is out, and forgets who is gone', () => {
    const { attempts, apply, out, find, clock } = withRows('abcd');
    attempts('a', 3, 503);
    const gone = find('a');
    apply(...['a', 'b', 'c', 'd', 'e'].map((name) => spec(name)));
    expect(out()).toBe('a');
    apply(...['b', 'c', 'd', 'e'].map((name) => spec(name)));
    for (let i = 0; i < 3; i++) gone.learn(evidence('failure', { status: 503, startedAt: clock.now() }), clock.now());
    clock.advance(60_000);
    expect(clock.armed).toBe(0);
    apply(...['a', 'b', 'c', 'd'].map((name) => spec(name)));
    expect(out()).toBe('');
  });

  it('of the cluster leaves no timer behind', () => {
    const { attempts, cluster, clock, find } = withRows();
    attempts('a', 3, 503);
    const b = find('b');
    cluster.supersede(null);
    expect(clock.armed).toBe(0);
    for (let i = 0; i < 3; i++) b.learn(evidence('failure', { status: 503, startedAt: clock.now() }), clock.now());
    expect(clock.armed).toBe(0);
  });
});

describe('the journal', () => {
  it('keeps the last hundred', () => {
    const { attempts, attempt, clock, cluster } = withRows('abcd', { baseMs: 1_000, maxMs: 1_000 });
    for (let i = 0; i < 80; i++) {
      attempts('a', 3, 503);
      clock.advance(1_000);
      attempt('a', 200);
    }
    const { events } = cluster.ejector.journal;
    expect(events.length).toBe(100);
    expect(events.at(-1)).toMatchObject({ endpoint: 'a', kind: 'returned', why: 'time', afterMs: 1_000 });
  });
});
