// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeLocal } from '../../src/config/local-config.ts';
import { settle } from '../../src/config/settle.ts';
import { FIRST_FILE } from './first-file.ts';

/** Whatever comes in, what comes out is a configuration or problems with a place, and never an exception. */
function judgeBoth(text: string): void {
  const local = decodeLocal({ source: 'f', text, env: {}, set: [] });
  if (Array.isArray(local)) {
    expect(local.length).toBeGreaterThan(0);
    for (const problem of local) expect(problem.line).toBeGreaterThan(0);
  }
  for (const layer of ['mesh', 'service/orders'] as const) {
    const newest = [{ layer, text, revision: '1', isCandidate: false }];
    const machine = { source: 'f', text: FIRST_FILE, env: {}, set: [] };
    const settlement = settle({ local: machine, newest, good: [], chains: [], inForce: null }, { wallMs: 0 });
    expect(settlement.config).not.toBeNull();
    const [verdict] = settlement.layers;
    expect(verdict?.used === null).toBe(verdict!.problems.length > 0);
    for (const problem of verdict!.problems) expect(problem.line).toBeGreaterThan(0);
  }
}

it('judges any JSON', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), judgeBoth), { numRuns: 300 });
});

it('judges the first file with any piece of it replaced', () => {
  const piece = fc.constantFrom(
    '',
    ' ',
    '\n',
    '\t',
    '{',
    '}',
    '[',
    ']',
    ':',
    '"',
    '&a ',
    '*a',
    '? ',
    '- ',
    '0',
    'null',
    '${env:X}',
    '__proto__',
    '!!binary x',
    '\u0000',
    '%',
  );
  fc.assert(
    fc.property(fc.nat(FIRST_FILE.length), fc.nat(8), piece, (at, length, inserted) => {
      judgeBoth(FIRST_FILE.slice(0, at) + inserted + FIRST_FILE.slice(at + length));
    }),
    { numRuns: 500 },
  );
});

it('judges known keys with any value behind them', () => {
  const value = fc.oneof(
    fc.constantFrom(null, true, 0, -1, 1.5, 1e99, '', '5', '5s', '64KiB', 'http', [], {}, [null], { a: null }),
    fc.jsonValue(),
  );
  const key = fc.constantFrom(
    'service',
    'inbound',
    'outbound',
    'upstreams',
    'static',
    'consul',
    'admin',
    'telemetry',
    'http',
    'shutdown',
    'stateDir',
  );
  const inner = fc.constantFrom(
    'name',
    'port',
    'orders',
    'address',
    'otlp',
    'tls',
    'register',
    'timeouts',
    'maxHead',
    'grpcPort',
  );
  const document = fc.dictionary(key, fc.oneof(value, fc.dictionary(inner, value)));
  fc.assert(
    fc.property(document, (written) => judgeBoth(JSON.stringify({ service: { name: 'web', port: 1 }, ...written }))),
    { numRuns: 500 },
  );
});

const KIB = 1_024;

/** A map of as many such entries as one document can have. */
function full(entry: (i: number) => string, before = '', after = ''): string {
  const entries: string[] = [];
  for (let i = 0, length = 0; length < 500 * KIB; i++) {
    entries.push(entry(i));
    length += entries[i]!.length + 1;
  }
  return `{${before}${entries.join(',')}${after}}`;
}

it.each([
  ['unknown keys', full((i) => `"a${i}":1`), 'an unknown key'],
  ['upstreams', full((i) => `"u${i}":{}`, '"upstreams":{', '}'), /^\d+ upstreams/],
  ['routes', full((i) => `"r${i}":{"to":"a"}`, '"routes":{', '}'), /^\d+ routes$/],
  [
    'upstreams of routes',
    full((i) => `"r${i}":{"to":"a${i}","hosts":["a.very.long.name.${i}"]}`, '"routes":{', '}'),
    /^\d+ upstreams/,
  ],
  [
    'defaults of routes',
    full((i) => `"r${i}":{}`, '"upstreams":{"a":{},"b":{}},"defaults":{"routes":{', '}}'),
    /routes for each of 4/,
  ],
  ['aliases', `a: &a 1\nb: [${'*a,'.repeat(100_000)}]`, /without end/],
  ['brackets', '['.repeat(100_000), /without end/],
])(
  'refuses a document that is full of %s, and takes no long time for it',
  (_what, text, found) => {
    const newest = [{ layer: 'mesh', text, revision: '1', isCandidate: false } as const];
    const local = { source: 'f', text: FIRST_FILE, env: {}, set: [] };
    const { config, layers } = settle(
      { local, newest, good: [], chains: [], inForce: null },
      { wallMs: 0, isExplained: false },
    );
    expect(config).not.toBeNull();
    expect(layers[0]?.used).toBeNull();
    expect(layers[0]?.problems[0]).toMatchObject({
      source: 'kv:remora/config/mesh',
      found: expect.stringMatching(found),
    });
  },
  60_000,
);
