import { describe, expect, it } from 'vitest';
import * as kinds from '../../src/http2/field-kinds.ts';

describe('the kind of a name', () => {
  it.each<readonly [string, number]>([
    ['te', kinds.TE],
    ['host', kinds.HOST],
    ['cookie', kinds.COOKIE],
    ['expect', kinds.EXPECT],
    ['content-length', kinds.CONTENT_LENGTH],
    ['connection', kinds.HOP],
    ['keep-alive', kinds.HOP],
    ['proxy-connection', kinds.HOP],
    ['transfer-encoding', kinds.HOP],
    ['upgrade', kinds.HOP],
    [':method', kinds.METHOD],
    [':scheme', kinds.SCHEME],
    [':authority', kinds.AUTHORITY],
    [':path', kinds.PATH],
    [':status', kinds.STATUS],
    [':protocol', kinds.PROTOCOL],
    ['x-remora-hop', kinds.OWN],
    ...[10, 14, 16, 17].map((length) => ['x-remora-'.padEnd(length, 'a'), kinds.OWN] as const),
    ['x-remora-', kinds.OTHER],
    ['http2-settings', kinds.OTHER],
    ['accept', kinds.OTHER],
    ["!#$%&'*+-.^_`|~09az", kinds.OTHER],
  ])('%s is %i', (name, kind) => {
    expect(kinds.kindOf(name)).toBe(kind);
  });

  it.each([':', ':methods', ':Method', ':x-remora-hop', ': path', '::status'])(
    '%j is a pseudo-field of nobody',
    (name) => {
      expect(kinds.kindOf(name)).toBe(kinds.UNKNOWN_PSEUDO);
    },
  );

  it.each(['', 'Host', 'hosT', 'a b', 'a:', 'a\0', 'a\r', 'a\n', 'a\t', ' a', 'a\x7f', 'a\x80', 'ü', 'a\u0161', 'a(b'])(
    '%j is no name',
    (name) => {
      expect(kinds.kindOf(name)).toBe(kinds.INVALID);
    },
  );

  it('is a name exactly if it is made of lower-case token characters', () => {
    const good = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      expect(kinds.kindOf(`x${character}`) !== kinds.INVALID, `byte ${byte}`).toBe(good.includes(character));
    }
  });

  it('is a pseudo-field from METHOD on', () => {
    expect(kinds.isPseudo(kinds.INVALID)).toBe(false);
    expect(kinds.isPseudo(kinds.METHOD)).toBe(true);
    expect(kinds.isPseudo(kinds.UNKNOWN_PSEUDO)).toBe(true);
  });
});
