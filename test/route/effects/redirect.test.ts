import { describe, expect, it } from 'vitest';
import { makeEffects } from '../../../src/route/effects/effects.ts';
import type { RedirectOptions } from '../../../src/route/effects/redirect.ts';
import type { PathMatch } from '../../../src/route/table/options.ts';
import { PEER, type RequestText, requestHead } from '../../support/exchange-script.ts';
import { matchOf, routeOf } from '../../support/route.ts';

const NOTHING = { scheme: null, host: null, port: null, path: null, prefix: null, keepsQuery: true };

function locationOf(more: Partial<RedirectOptions>, request: RequestText, match: PathMatch | null = null): string {
  const action = { kind: 'redirect', status: 302, ...NOTHING, ...more } as const;
  const effects = makeEffects(routeOf({ action, matches: match === null ? [] : [matchOf(match)] }), null);
  const answer = effects.answer(requestHead({ authority: 'shop.local:8080', ...request }), PEER)!;
  expect(answer).toMatchObject({ kind: 'redirect', status: more.status ?? 302, code: null, body: '' });
  return answer.fields.get('location')!;
}

describe('a redirect', () => {
  it('names a path alone where it says nothing of the host', () => {
    expect(locationOf({ path: '/new' }, { path: '/old?a=1' })).toBe('/new?a=1');
    expect(locationOf({ path: '/new', keepsQuery: false }, { path: '/old?a=1' })).toBe('/new');
    expect(locationOf({ prefix: '/b' }, { path: '/a/c?d' }, { kind: 'segments', value: '/a' })).toBe('/b/c?d');
  });

  it.each([
    [{ scheme: 'https' }, 'https://shop.local/a?b'],
    [{ scheme: 'https', port: 8443 }, 'https://shop.local:8443/a?b'],
    [{ scheme: 'https', port: 443 }, 'https://shop.local/a?b'],
    [{ port: 9000 }, 'http://shop.local:9000/a?b'],
    [{ port: 80 }, 'http://shop.local/a?b'],
    [{ host: 'other.local' }, 'http://other.local/a?b'],
    [{ host: 'other.local', path: '/x', keepsQuery: false }, 'http://other.local/x'],
  ] as const)('with %j leads to %s', (more, expected) => {
    expect(locationOf(more, { path: '/a?b' })).toBe(expected);
  });

  it('keeps the brackets of an address', () => {
    expect(locationOf({ scheme: 'https' }, { authority: '[::1]:80' })).toBe('https://[::1]/');
    expect(locationOf({ scheme: 'https' }, { authority: '[::1]' })).toBe('https://[::1]/');
  });

  it('has nothing but a path for who names no host', () => {
    expect(locationOf({ scheme: 'https' }, { authority: '', path: '/a' })).toBe('/a');
  });

  it('never leads to a host that the client has made up in its path', () => {
    const match = { kind: 'segments', value: '/a' } as const;
    expect(locationOf({ prefix: '/' }, { path: '/a//evil.example/x' }, match)).toBe('/evil.example/x');
    expect(locationOf({ prefix: '/' }, { path: '/a/\\evil.example' }, match)).toBe('/evil.example');
    expect(locationOf({ status: 308 }, { path: '//evil.example' })).toBe('/evil.example');
    expect(locationOf({ prefix: '' }, { path: '/a/%2F/x' }, match)).toBe('/%2F/x');
  });

  it('leads from the server as a whole to its root', () => {
    expect(locationOf({ scheme: 'https' }, { method: 'OPTIONS', path: '*' })).toBe('https://shop.local/');
  });
});
