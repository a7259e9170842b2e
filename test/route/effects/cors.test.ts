import { describe, expect, it } from 'vitest';
import { Edits } from '../../../src/http/edits.ts';
import type { ResponseHead } from '../../../src/http/head.ts';
import { Cors } from '../../../src/route/effects/cors.ts';
import { OriginRules, originFlaw } from '../../../src/route/effects/origins.ts';
import type { CorsOptions } from '../../../src/route/table/options.ts';
import { requestHead, responseHead } from '../../support/exchange-script.ts';

const SHOP = 'https://shop.example';
const OPTIONS: CorsOptions = {
  origins: [SHOP, 'https://*.shop.example', 'http://localhost:*'],
  methods: ['GET', 'PUT'],
  headers: ['x-user'],
  exposes: ['x-total'],
  maxAgeMs: 600_500,
  credentials: true,
};

function preflight(origin: string, more: Partial<CorsOptions> = {}, fields: Record<string, string> = {}) {
  const asked = { origin, 'access-control-request-method': 'PUT', ...fields };
  const answer = new Cors({ ...OPTIONS, ...more }).preflight(requestHead({ method: 'OPTIONS', fields: asked }))!;
  const lines: string[] = [];
  answer.fields.forEach((name, value) => lines.push(`${name}: ${value}`));
  return { status: answer.status, lines };
}

/** The lines that are put into an answer. */
function answered(origin: string | null, more: Partial<CorsOptions> = {}, answer: ResponseHead | null = null) {
  const edits = new Edits();
  const head = requestHead({ fields: origin === null ? {} : { origin } });
  new Cors({ ...OPTIONS, ...more }).editAnswer(head, answer, edits);
  const lines = edits.names.slice(0, edits.addedCount).map((name, at) => `${name}: ${edits.values[at]}`);
  return { lines, removed: edits.removed.slice(0, edits.removedCount) };
}

describe('a preflight', () => {
  const vary = 'vary: origin, access-control-request-method, access-control-request-headers';

  it('is told what an origin may do', () => {
    expect(preflight(SHOP)).toEqual({
      status: 204,
      lines: [
        vary,
        'access-control-allow-methods: GET, PUT',
        'access-control-allow-headers: x-user',
        'access-control-max-age: 600',
      ],
    });
  });

  it('of another origin is refused', () => {
    expect(preflight('https://evil.example')).toEqual({
      status: 403,
      lines: [vary, 'content-type: text/plain; charset=utf-8'],
    });
  });

  it('may ask for any field where the route says so', () => {
    const fields = { 'access-control-request-headers': 'x-a, x-b' };
    expect(preflight(SHOP, { headers: ['*'] }, fields).lines).toContain('access-control-allow-headers: x-a, x-b');
    expect(preflight(SHOP, { headers: ['*'] }).lines.join()).not.toContain('allow-headers');
  });

  it('may ask for any method where the route says so, by its name, since * means none with credentials', () => {
    expect(preflight(SHOP, { methods: ['*'] }).lines).toContain('access-control-allow-methods: PUT');
  });

  it('is one only with a method and an origin, and OPTIONS', () => {
    const cors = new Cors(OPTIONS);
    const field = { 'access-control-request-method': 'PUT' };
    expect(cors.preflight(requestHead({ method: 'OPTIONS', fields: { origin: SHOP } }))).toBeNull();
    expect(cors.preflight(requestHead({ method: 'OPTIONS', fields: field }))).toBeNull();
    expect(cors.preflight(requestHead({ method: 'GET', fields: { origin: SHOP, ...field } }))).toBeNull();
  });
});

describe('any other answer', () => {
  const own = ['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-expose-headers'];

  it('says who may read it, in place of what the endpoint says', () => {
    expect(answered(SHOP)).toEqual({
      lines: [
        'vary: origin',
        `access-control-allow-origin: ${SHOP}`,
        'access-control-allow-credentials: true',
        'access-control-expose-headers: x-total',
      ],
      removed: own,
    });
  });

  it('says nothing to others, and that it would to some', () => {
    for (const origin of [null, 'https://evil.example'])
      expect(answered(origin)).toEqual({ lines: ['vary: origin'], removed: own });
  });

  it('says once that it depends on the origin', () => {
    expect(answered(null, {}, responseHead(200, 'none', -1, { vary: 'Origin' })).lines).toEqual([]);
    expect(answered(null, {}, responseHead(200, 'none', -1, { vary: 'accept' })).lines).toEqual(['vary: origin']);
  });

  it('is for all origins alike, and then never with credentials', () => {
    expect(answered('https://any.example', { origins: ['*'], credentials: true, exposes: [] })).toEqual({
      lines: ['access-control-allow-origin: *'],
      removed: own,
    });
    expect(answered(null, { origins: ['*'] }).lines).toEqual([]);
  });
});

it.each([
  ['https://a.shop.example', true],
  ['https://shop.example', true],
  ['http://localhost:5173', true],
  ['http://localhost:', false],
  ['http://localhost', false],
  ['https://.shop.example', false],
  ['https://a.b.shop.example', false],
  ['https://evil.example/.shop.example', false],
  ['https://evil.example?.shop.example', false],
  ['https://evil.example#a.shop.example', false],
  ['http://a.shop.example', false],
  ['http://localhost:1@evil', false],
  ['null', false],
])('%s may ask: %s', (origin, expected) => {
  expect(new OriginRules(OPTIONS.origins).has(origin)).toBe(expected);
});

it('says what is wrong with an origin', () => {
  for (const good of ['*', SHOP, 'https://*.a.b', 'http://localhost:*', 'http://[::1]:80'])
    expect(originFlaw(good)).toBeNull();
  for (const bad of [
    'shop.example',
    'https://',
    'https://a/',
    'https://*',
    'https://a*.b',
    '*://a',
    'https://*.*',
    'https://a b',
  ])
    expect(originFlaw(bad)).not.toBeNull();
});
