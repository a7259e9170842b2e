import { expect, it } from 'vitest';
import { EjectionLog } from '../../src/agent/ejection-log.ts';
import { ejectionEventView, ejectionView } from '../../src/agent/ejection-view.ts';
import { NO_OWNER, Upstream } from '../../src/agent/upstream.ts';
import type { Log, LogFields } from '../../src/base/log.ts';
import { DEFAULT_EJECTION } from '../../src/policy/outlier/options.ts';
import { agentParts, upstreamConfig } from '../support/agent-parts.ts';
import { evidence } from '../support/evidence.ts';
import { spec } from '../support/fake-endpoint.ts';
import { judgedCluster } from '../support/judged-cluster.ts';

function happened() {
  const judged = judgedCluster({ consecutive5xx: { mode: 'enforce', count: 3 } });
  judged.apply(spec('a'), spec('b'), spec('c'));
  for (const name of 'ab') judged.attempts(name, 3, 503);
  judged.clock.advance(30_000);
  return judged;
}

it('writes down who was left out, by what, and that it is back', () => {
  const lines: string[] = [];
  const say =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      void lines.push(`${level} ${event} ${JSON.stringify(fields)}`);
  const log: Log = { info: say('info'), warn: say('warn'), error: say('error') };
  const listener = new EjectionLog(log, 'orders');
  for (const event of happened().events) listener.onEjectionEvent(event);
  const whose = '"upstream":"orders","endpoint"';
  expect(lines).toEqual([
    `warn endpoint_ejected {${whose}:"a","detector":"consecutive_5xx","for_ms":30000,"count":1,"row":3}`,
    `info endpoint_not_ejected {${whose}:"b","detector":"consecutive_5xx","why":"capped","row":3}`,
    `info endpoint_returned {${whose}:"a","detector":"consecutive_5xx","why":"time","after_ms":30000}`,
  ]);
});

it('shows who is out and for how long still, and what happened', () => {
  const judged = happened();
  judged.attempt('a', 200);
  judged.attempts('a', 3, 503);
  judged.clock.advance(1_000);
  const now = judged.clock.now();
  expect(ejectionView(judged.find('a').watcher.ejection, now)).toEqual({
    detector: 'consecutive_5xx',
    figures: { row: 3 },
    leftMs: 59_000,
    count: 2,
  });
  expect(ejectionView(judged.find('b').watcher.ejection, now)).toBe(null);
  const views = judged.cluster.ejector.journal.events.map((event) => ejectionEventView(event, now));
  expect(views.slice(-2)).toEqual([
    {
      agoMs: 1_000,
      endpoint: 'a',
      kind: 'returned',
      detector: 'consecutive_5xx',
      figures: {},
      forMs: 30_000,
      why: 'time',
    },
    {
      agoMs: 1_000,
      endpoint: 'a',
      kind: 'ejected',
      detector: 'consecutive_5xx',
      figures: { row: 3 },
      forMs: 60_000,
      why: null,
    },
  ]);
});

it('lets a reload of the same options pass unnoticed, and another question begin anew', () => {
  const { parts, consul, clock } = agentParts();
  const options = () => ({ ...DEFAULT_EJECTION, consecutive5xx: { mode: 'enforce', count: 3 } as const });
  const config = upstreamConfig('orders', { ejection: options() });
  const upstream = new Upstream(config, parts, NO_OWNER);
  consul.answer(0, 'abc');
  const fail = (times: number): void => {
    const [first] = upstream.cluster.endpoints;
    for (let i = 0; i < times; i++)
      first!.learn(evidence('failure', { status: 503, startedAt: clock.now() }), clock.now());
  };
  const outCount = (): number => upstream.cluster.ejector.outCount;
  fail(2);
  upstream.reconfigure({ ...config, ejection: options() });
  fail(1);
  expect(outCount()).toBe(1);
  upstream.reconfigure({ ...config, ejection: { ...options(), maxMs: 60_000 } });
  expect(outCount()).toBe(1);
  upstream.reconfigure({ ...config, tag: 'v2' });
  consul.answer(1, 'abc');
  expect([outCount(), clock.armed]).toEqual([0, 0]);
  upstream.close();
});
