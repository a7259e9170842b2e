import { expect, it } from 'vitest';
import { judgeReload, lateProblems, lateWords, portProblems } from '../../src/agent/reload.ts';
import type { Config } from '../../src/config/config.ts';
import { redacted } from '../../src/config/effective.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { ListenError } from '../../src/net/listener.ts';
import { good, web } from '../config/parse.ts';
import { agentConfig, upstreamConfig } from '../support/agent-parts.ts';

const CONSUL = {} as NonNullable<ReturnType<typeof agentConfig>['consul']>;
const STATIC = { static: new Map([['orders', []]]) };

it('takes what can change and keeps what cannot', () => {
  const initial = agentConfig([]);
  const upstreams = [upstreamConfig('orders')];
  const telemetry = { ...initial.telemetry, sampleRatio: 1 };
  const next = agentConfig(upstreams, { ...STATIC, telemetry, stateDir: '/tmp', consul: CONSUL });
  const { config, late, unserved } = judgeReload(initial, next, 'remora.yaml', redacted);
  expect(config).toEqual({ ...initial, upstreams: next.upstreams, static: next.static, telemetry });
  expect(late.map(({ path }) => path)).toEqual(['consul', 'stateDir']);
  expect(unserved).toEqual([]);
  expect(lateProblems(late, 'remora.yaml').map(formatProblem)[1]).toBe(
    'remora.yaml stateDir: found "/tmp", while nothing is in force, expected a restart, which is when it is read',
  );
  expect(judgeReload(initial, initial, 'remora.yaml', redacted).late).toEqual([]);
});

it('names each setting that waits for a restart with both values, and shows no secret', () => {
  const config = (consul: string): Config => good(web(`consul: { address: "http://c:1", ${consul} }\n`));
  const waits = (initial: Config, next: Config): readonly string[] =>
    judgeReload(initial, next, 'remora.yaml', redacted).late.map(lateWords);
  const initial = config('token: s3cret');
  expect(waits(initial, config('token: other, datacenter: dc2'))).toEqual([
    'consul.datacenter: nothing in force, "dc2" wanted',
  ]);
  expect(waits(initial, config('token: other'))).toEqual(['consul: *** in force, another *** wanted']);
  const moved = { ...initial, service: { ...initial.service, port: 9090, tags: ['a'] } };
  expect(waits(initial, moved)).toEqual([
    'service.port: 8080 in force, 9090 wanted',
    'service.tags: [] in force, ["a"] wanted',
  ]);
  const long = { ...initial, service: { ...initial.service, tags: ['x'.repeat(500)] } };
  expect(waits(initial, long)[0]!.length).toBeLessThan(150);
});

it('refuses a service of Consul in a process that was started without it', () => {
  const next = agentConfig([upstreamConfig('orders'), upstreamConfig('stock')], { ...STATIC, consul: CONSUL });
  const { unserved } = judgeReload(agentConfig([]), next, 'remora.yaml', redacted);
  expect(unserved.map(formatProblem)).toEqual([
    'remora.yaml upstreams.stock: found a service that only Consul knows, expected endpoints under static.stock; ' +
      'the program was started without consul; restart it to change that',
  ]);
  expect(judgeReload(agentConfig([], { consul: CONSUL }), next, 'remora.yaml', redacted).unserved).toEqual([]);
});

it('names the upstream whose port cannot be opened', () => {
  const error = new ListenError('orders', '127.0.0.1', 9001, 'EADDRINUSE');
  const [problem] = portProblems(new Map([['orders', error]]), null, 'remora.yaml');
  expect(problem).toMatchObject({ path: 'upstreams.orders', found: expect.stringContaining('the port is in use') });
});

it('owns up to a bug that keeps a change from taking effect', () => {
  const problems = portProblems(new Map([['orders', new Error('no luck')]]), new Error('boom'), 'remora.yaml');
  expect(problems.map(({ path, found }) => `${path}: ${found}`)).toEqual([
    'upstreams: a bug in remora: boom',
    'upstreams.orders: a bug in remora: no luck',
  ]);
});
