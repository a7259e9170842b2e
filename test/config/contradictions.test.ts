import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/local-config.ts';
import { formatProblems, type Problem } from '../../src/config/problems.ts';

const NOON = Date.parse('2026-01-31T12:00:00Z');
const UNTIL = 'until: "2026-01-31T13:00:00Z"';

/** A document with one upstream, each line of it below `upstreams.a`, and what lies beside that at the top. */
function documentOf(lines: readonly string[], beside: readonly string[] = []): string {
  const top = [
    'service: { name: web, port: 8080 }',
    'consul: {}',
    ...beside,
    'upstreams:',
    '  b: { port: 0, protocol: tcp }',
  ];
  return `${[...top, '  a:', ...lines.map((line) => `    ${line}`)].join('\n')}\n`;
}

function problemsOf(text: string): readonly Problem[] {
  const read = parseConfig(text, { wallMs: () => NOON });
  return Array.isArray(read) ? read : [];
}

const below = (path: string): string => (/^(inbound|overload|upstreams)\b/.test(path) ? path : `upstreams.a.${path}`);

/** The key that a path ends with, which is what its line has to say. */
const keyOf = (path: string): string => /([A-Za-z0-9]+)(?:\[\d+\])*$/.exec(path)![1]!;

type Case = readonly [lines: readonly string[], path: string, ...beside: string[]];

/** What is blamed, and the lines that it is said to contradict. */
const PAIRS: readonly Case[] = [
  // --- Deadlines ---
  [['timeouts:', '  attempt: 10s', '  request: 5s'], 'timeouts.attempt', 'timeouts.request'],
  [['timeouts:', '  connect: 3s', '  attempt: 2s'], 'timeouts.connect', 'timeouts.attempt'],
  [['timeouts:', '  attempt: 10s', '  maxDuration: 5s'], 'timeouts.attempt', 'timeouts.maxDuration'],
  [['timeouts:', '  request: 10s', '  maxDuration: 5s'], 'timeouts.request', 'timeouts.maxDuration'],
  [['timeouts:', '  streamIdle: 10s', '  maxDuration: 5s'], 'timeouts.streamIdle', 'timeouts.maxDuration'],
  [['timeouts:', '  tunnelIdle: 10s', '  maxDuration: 5s'], 'timeouts.tunnelIdle', 'timeouts.maxDuration'],
  [['timeouts:', '  attemptIdle: 5s', '  attempt: 5s'], 'timeouts.attemptIdle', 'timeouts.attempt'],
  [['timeouts:', '  attemptIdle: 5s', '  request: 5s'], 'timeouts.attemptIdle', 'timeouts.request'],
  [['timeouts:', '  attemptIdle: 5s', '  streamIdle: 5s'], 'timeouts.attemptIdle', 'timeouts.streamIdle'],
  [['timeouts:', '  attemptIdle: 5s', '  maxDuration: 5s'], 'timeouts.attemptIdle', 'timeouts.maxDuration'],
  // --- Retries ---
  [['retry:', '  maxAttempts: 1', '  budget: { ratio: 0.5 }'], 'retry.budget', 'retry.maxAttempts'],
  [['retry:', '  maxAttempts: 1', '  maxConcurrent: 5'], 'retry.maxConcurrent', 'retry.maxAttempts'],
  [['retry:', '  maxAttempts: 1', '  maxRetryAfter: 1s'], 'retry.maxRetryAfter', 'retry.maxAttempts'],
  [['retry:', '  on: [reset]', '  statuses: [418]'], 'retry.statuses', 'retry.on'],
  [['retry:', '  on: [retriable-headers]', '  headers: []'], 'retry.on', 'retry.headers'],
  [['retry:', '  on: [internal]', '  grpcIdempotent: false'], 'retry.on', 'retry.grpcIdempotent'],
  [
    ['retry:', '  headers:', '    - name: x-a', '      exact: b', '      prefix: c'],
    'retry.headers[0].prefix',
    'retry.headers[0].exact',
  ],
  [['limits: { maxRequests: 100 }', 'retry:', '  maxConcurrent: 200'], 'retry.maxConcurrent', 'limits.maxRequests'],
  [['timeouts: { request: 20s }', 'retry:', '  maxRetryAfter: 1m'], 'retry.maxRetryAfter', 'timeouts.request'],
  [['retry:', '  backoff: 1s', '  maxBackoff: 500ms'], 'retry.backoff', 'retry.maxBackoff'],
  // --- Hedging ---
  [['hedge:', '  delay: 50ms', '  percentile: 0.9'], 'hedge.percentile', 'hedge.delay'],
  [['retry: { maxAttempts: 1 }', 'hedge: {}'], 'hedge', 'retry.maxAttempts'],
  [['port: 0', 'protocol: tcp', 'hedge: {}'], 'hedge', 'protocol'],
  [['protocol: grpc', 'hedge: {}'], 'hedge', 'protocol'],
  [['timeouts: { request: 1s }', 'hedge:', '  delay: 2s'], 'hedge.delay', 'timeouts.request'],
  [['timeouts: { request: 1s }', 'hedge:', '  minDelay: 2s'], 'hedge.minDelay', 'timeouts.request'],
  [['timeouts: { attempt: 1s }', 'hedge:', '  delay: 1s'], 'hedge.delay', 'timeouts.attempt'],
  [
    ['retry:', '  budget:', '    ratio: 0', '    minPerSecond: 0', 'hedge: {}'],
    'hedge',
    'retry.budget.ratio',
    'retry.budget.minPerSecond',
  ],
  // --- Places, and waiting for one ---
  [['limits:', '  maxPending: 0', '  pendingTimeout: 1s'], 'limits.pendingTimeout', 'limits.maxPending'],
  [
    ['timeouts: { request: 10s }', 'limits:', '  maxPending: 5', '  pendingTimeout: 20s'],
    'limits.pendingTimeout',
    'timeouts.request',
  ],
  [['adaptive:', '  min: 30', '  initial: 25'], 'adaptive.min', 'adaptive.initial'],
  [['adaptive:', '  initial: 50', '  max: 40'], 'adaptive.initial', 'adaptive.max'],
  [['limits: { maxRequests: 12 }', 'adaptive:', '  min: 20'], 'adaptive.min', 'limits.maxRequests'],
  [
    ['adaptive:', '  shares:', '    critical: 0.6', '    sheddablePlus: 0.7'],
    'adaptive.shares.sheddablePlus',
    'adaptive.shares.critical',
  ],
  [
    ['adaptive:', '  shares:', '    sheddablePlus: 0.5', '    sheddable: 0.6'],
    'adaptive.shares.sheddable',
    'adaptive.shares.sheddablePlus',
  ],
  [['adaptive:', '  algorithm: aimd', '  gradient2: { smoothing: 0.5 }'], 'adaptive.gradient2', 'adaptive.algorithm'],
  [['limits: { maxConnections: 4 }', 'connections:', '  warm: 5'], 'connections.warm', 'limits.maxConnections'],
  [['connections:', '  warm: 5', '  maxIdle: 4'], 'connections.warm', 'connections.maxIdle'],
  [['port: 0', 'protocol: auto', 'connections:', '  warm: 5'], 'connections.warm', 'protocol'],
  // --- Who is left out ---
  [['ejection:', '  base: 10m', '  max: 1m'], 'ejection.base', 'ejection.max'],
  [
    ['breaker: { consecutiveFailures: 4 }', 'ejection:', '  consecutive5xx:', '    mode: enforce', '    count: 4'],
    'ejection.consecutive5xx.count',
    'breaker.consecutiveFailures',
    'ejection.consecutive5xx.mode',
  ],
  [
    [
      'ejection:',
      '  consecutive5xx:',
      '    mode: enforce',
      '    count: 2',
      '  consecutiveLocal:',
      '    mode: observe',
      '    count: 3',
    ],
    'ejection.consecutiveLocal.count',
    'ejection.consecutive5xx.count',
    'ejection.consecutiveLocal.mode',
  ],
  [['breaker:', '  coolDown: 1m', '  maxCoolDown: 30s'], 'breaker.coolDown', 'breaker.maxCoolDown'],
  // --- Health checks ---
  [['healthCheck:', '  type: http', '  path: /', '  send: PING'], 'healthCheck.send', 'healthCheck.type'],
  [['healthCheck:', '  type: tcp', '  path: /'], 'healthCheck.path', 'healthCheck.type'],
  [['healthCheck:', '  type: tcp', '  statuses: [200]'], 'healthCheck.statuses', 'healthCheck.type'],
  [['protocol: http', 'healthCheck:', '  type: grpc'], 'healthCheck.type', 'protocol'],
  [
    ['protocol: grpc', 'healthCheck:', '  type: grpc', '  expect: PONG'],
    'healthCheck.expect',
    'healthCheck.type',
    'protocol',
  ],
  [['healthCheck:', '  path: /', '  method: HEAD', '  body: { text: ok }'], 'healthCheck.body', 'healthCheck.method'],
  [
    ['healthCheck:', '  path: /', '  interval: 10s', '  noTrafficInterval: 5s'],
    'healthCheck.noTrafficInterval',
    'healthCheck.interval',
  ],
  [['subsetSize: 3', 'healthCheck: { path: / }'], 'healthCheck', 'subsetSize'],
  // --- Doors ---
  [
    ['rateLimits:', '  - { name: x, requests: 1 }', '  - { name: x, requests: 2 }'],
    'rateLimits[1].name',
    'rateLimits[0].name',
  ],
  [
    ['port: 0', 'protocol: tcp', 'rateLimits:', '  - { name: x, requests: 1, by: { header: u } }'],
    'rateLimits[0].by',
    'protocol',
  ],
  [
    ['port: 0', 'protocol: tcp', 'rateLimits:', '  - { name: x, requests: 1, path: /a }'],
    'rateLimits[0].path',
    'protocol',
  ],
  [
    ['protocol: grpc', 'rateLimits:', '  - { name: x, requests: 1, methods: [GET] }'],
    'rateLimits[0].methods',
    'protocol',
  ],
  // --- In place of failures, and failures on purpose ---
  [['port: 0', 'protocol: tcp', 'fallback: { stale: {} }'], 'fallback', 'protocol'],
  [['fallback:', '  upstream: b'], 'fallback.upstream', 'upstreams.b.protocol'],
  [['fallback:', '  codes: []', '  statuses: []', '  stale: {}'], 'fallback.codes', 'fallback.statuses'],
  [
    ['fallback:', '  stale:', '    maxBytes: 1MiB', '    maxBody: 2MiB'],
    'fallback.stale.maxBody',
    'fallback.stale.maxBytes',
  ],
  [['fallback:', '  static:', '    status: 204', '    body: sorry'], 'fallback.static.body', 'fallback.static.status'],
  [['port: 0', 'protocol: tcp', 'faults:', `  - { abort: {}, ${UNTIL} }`], 'faults[0].abort', 'protocol'],
  [['port: 0', 'protocol: tcp', 'faults:', `  - { bandwidth: 1KiB, ${UNTIL} }`], 'faults[0].bandwidth', 'protocol'],
  [['faults:', '  - delay: 1s', '    maxDelay: 2s', `    ${UNTIL}`], 'faults[0].maxDelay', 'faults[0].delay'],
];

describe('two values that contradict each other are refused with both of their lines:', () => {
  it.each(PAIRS.map(([lines, ...paths]) => [lines.join(' ').replaceAll(/\s+/g, ' '), lines, paths] as const))(
    '%s',
    (_what, lines, [path, ...beside]) => {
      const text = documentOf(lines);
      const problems = problemsOf(text);
      expect(problems.map((problem) => problem.path)).toEqual([below(path!)]);
      const [problem] = problems;
      expect((problem!.beside ?? []).map((other) => other.path)).toEqual(beside.map(below));
      const written = text.split('\n');
      for (const place of [problem!, ...problem!.beside!]) {
        expect(written[place.line! - 1], place.path).toContain(keyOf(place.path));
      }
      expect(formatProblems(problems)).toContain(`\n  beside remora.yaml:${problem!.beside![0]!.line}:`);
    },
  );

  it('of two upstreams that stand in for each other, each in its own line', () => {
    const text = documentOf(['fallback: { upstream: c }']).replace('  a:', '  c: { fallback: { upstream: a } }\n  a:');
    const problems = problemsOf(text);
    expect(problems.map(({ path, line, beside }) => [path, line, beside![0]!.path, beside![0]!.line])).toEqual([
      ['upstreams.c.fallback.upstream', 5, 'upstreams.a.fallback.upstream', 7],
      ['upstreams.a.fallback.upstream', 7, 'upstreams.c.fallback.upstream', 5],
    ]);
  });

  it.each(['loop', 'heap', 'sockets'])('of the pressure of the %s', (resource) => {
    const values = resource === 'loop' ? ['2s', '1s'] : ['0.9', '0.8'];
    const text = documentOf([], ['overload:', `  ${resource}:`, `    start: ${values[0]}`, `    full: ${values[1]}`]);
    const [problem, ...others] = problemsOf(text.replace('  a:\n', '  a: {}\n'));
    expect(others).toEqual([]);
    expect([problem!.path, problem!.line, problem!.beside![0]!.line]).toEqual([`overload.${resource}.start`, 5, 6]);
  });
});

/** One value that is nonsense by itself: its own line is all there is to name. */
const NONSENSE: readonly (readonly [line: string, path: string])[] = [
  ['hedge: { methods: [POST] }', 'hedge.methods[0]'],
  ['hedge: { maxExtraLoad: 0 }', 'hedge.maxExtraLoad'],
  ['hedge: { percentile: 1 }', 'hedge.percentile'],
  ['rateLimits: [{ name: x, requests: 0 }]', 'rateLimits[0].requests'],
  ['rateLimits: [{ name: x, requests: 1, burst: 0 }]', 'rateLimits[0].burst'],
  ['rateLimits: [{ name: x, requests: 1, window: 50ms }]', 'rateLimits[0].window'],
  ['rateLimits: [{ name: x, requests: 1, by: {} }]', 'rateLimits[0].by'],
  ['rateLimits: [{ name: x, requests: 1, maxKeys: 5 }]', 'rateLimits[0].maxKeys'],
  ['throttle: { window: 500ms }', 'throttle.window'],
  ['throttle: { aggression: 0 }', 'throttle.aggression'],
  ['throttle: { successThreshold: 0 }', 'throttle.successThreshold'],
  ['throttle: { maxRatio: 1.5 }', 'throttle.maxRatio'],
  ['adaptive: { min: 0 }', 'adaptive.min'],
  ['adaptive: { gradient2: { window: 5ms } }', 'adaptive.gradient2.window'],
  ['adaptive: { gradient2: { rttTolerance: 0.5 } }', 'adaptive.gradient2.rttTolerance'],
  ['adaptive: { algorithm: aimd, aimd: { backoff: 1 } }', 'adaptive.aimd.backoff'],
  ['adaptive: { aimd: { timeout: 1s } }', 'adaptive.aimd'],
  ['criticality: { header: x-remora-attempt }', 'criticality.header'],
  ['criticality: { header: grpc-timeout }', 'criticality.header'],
  ['ejection: { maxShare: 0.9 }', 'ejection.maxShare'],
  ['ejection: { interval: 10ms }', 'ejection.interval'],
  ['ejection: { latency: { factor: 1 } }', 'ejection.latency.factor'],
  ['ejection: { successRate: { minHosts: 2 } }', 'ejection.successRate.minHosts'],
  ['breaker: { window: 100ms }', 'breaker.window'],
  ['retry: { budget: { window: 100ms } }', 'retry.budget.window'],
  ['retry: { budget: { ratio: 2 } }', 'retry.budget.ratio'],
  ['retry: { on: [] }', 'retry.on'],
  ['retry: { on: [5xxx] }', 'retry.on[0]'],
  ['retry: { statuses: [200] }', 'retry.statuses[0]'],
  ['retry: { grpcStatuses: [ok] }', 'retry.grpcStatuses[0]'],
  ['timeouts: { request: -1s }', 'timeouts.request'],
  ['limits: { maxRequests: 0 }', 'limits.maxRequests'],
  ['limits: { maxPending: 5, pendingTimeout: 0 }', 'limits.pendingTimeout'],
  ['healthCheck: {}', 'healthCheck'],
  ['healthCheck: { path: status }', 'healthCheck.path'],
  ['healthCheck: { path: /, interval: 10ms }', 'healthCheck.interval'],
  ['healthCheck: { path: /, statuses: [100] }', 'healthCheck.statuses[0]'],
  ['fallback: {}', 'fallback'],
  ['fallback: { upstream: a }', 'fallback.upstream'],
  ['fallback: { upstream: nobody }', 'fallback.upstream'],
  ['fallback: { static: {}, codes: [client_gone] }', 'fallback.codes[0]'],
  ['fallback: { static: { fields: { content-length: "5" } } }', 'fallback.static.fields.content-length'],
  ['faults: [{ delay: 1s }]', 'faults[0].until'],
  [`faults: [{ ${UNTIL} }]`, 'faults[0]'],
  [`faults: [{ delay: 1s, reset: true, ${UNTIL} }]`, 'faults[0]'],
  [`faults: [{ reset: true, percent: 101, ${UNTIL} }]`, 'faults[0].percent'],
  ['faults: [{ reset: true, until: "2026-02-02T13:00:00Z" }]', 'faults[0].until'],
];

describe('nonsense is refused where it stands:', () => {
  it.each(NONSENSE)('%s', (line, path) => {
    const problems = problemsOf(documentOf([line]));
    expect(problems.map((problem) => problem.path)).toEqual([below(path)]);
    expect(problems[0]!.line).toBe(6);
  });
});

describe('what looks alike and contradicts nothing is taken:', () => {
  it.each([
    ['a deadline below an attempt that nobody wrote', ['timeouts: { request: 3s }']],
    ['a limit below the least that is learned by default', ['limits: { maxRequests: 5 }']],
    ['warm connections up to the limit', ['limits: { maxConnections: 5 }', 'connections: { warm: 5 }']],
    [
      'no budget, and nothing hedged: what was never sent is sent again all the same',
      ['retry: { budget: { ratio: 0, minPerSecond: 0 } }'],
    ],
    [
      'an adaptive limit that is switched off over one that is configured',
      ['adaptive: { mode: off, shares: { critical: 1 } }'],
    ],
    ['a small cache beside the largest answer that is kept by default', ['fallback: { stale: { maxBytes: 64KiB } }']],
  ])('%s', (_what, lines) => {
    expect(problemsOf(documentOf(lines))).toEqual([]);
  });
});
