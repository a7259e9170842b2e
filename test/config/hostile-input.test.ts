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
