import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMap, merge } from '../../src/config/layers.ts';
import { formatPath, parsePath } from '../../src/config/paths.ts';
import { complaints, good, web } from './parse.ts';

describe('laying one document over another', () => {
  it('merges maps, replaces everything else and lets null take away', () => {
    const lower = { keep: 1, map: { a: 1, b: 2 }, list: [1, 2], gone: { x: 1 } };
    const upper = { map: { b: 3, c: 4 }, list: [9], gone: null, absent: null };
    expect(merge(lower, upper)).toEqual({ keep: 1, map: { a: 1, b: 3, c: 4 }, list: [9] });
  });

  const tree = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.constant(null), fc.array(fc.integer()), tie('map')),
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('value'), {
      noNullPrototype: true,
    }),
  })).map;

  it('leaves what it is given alone, and is not changed by being repeated', () => {
    fc.assert(
      fc.property(tree, tree, (lower, upper) => {
        const before = JSON.stringify([lower, upper]);
        const once = merge(lower, upper);
        expect(merge(once, upper)).toEqual(once);
        expect(JSON.stringify([lower, upper])).toBe(before);
        expect(isMap(once)).toBe(true);
        expect(({} as Record<string, unknown>)['a']).toBeUndefined();
      }),
    );
  });
});

describe('--set', () => {
  it('is blamed by its key for what is there only because of it, and for its part in a contradiction', () => {
    const lines = (text: string, set: string[]): string[] => complaints(web(text), { set });
    expect(lines('upstreams: {}\n', ['upstreams.new.balance=random'])).toEqual([
      expect.stringMatching(/^--set upstreams\.new\.balance upstreams\.new: found no source of endpoints/),
    ]);
    expect(lines('inbound: { port: 15006 }\n', ['service.port=15006'])).toEqual([
      expect.stringMatching(/^remora\.yaml:2:18 inbound\.port: .*; --set service\.port has a part in it$/),
    ]);
    expect(lines('inbound: { port: 15006 }\n', ['inbound.port=8080'])).toEqual([
      expect.stringMatching(/^--set inbound\.port: found 127\.0\.0\.1:8080, which service\.port has already, [^;]*$/),
    ]);
    // The file has this upstream, so it is the file's.
    expect(lines('upstreams: { orders: {} }\n', ['upstreams.orders.balance=random'])).toEqual([
      expect.stringMatching(/^remora\.yaml:2:14 upstreams\.orders: found no source/),
    ]);
  });

  const file = web(
    'consul: {}\nupstreams: { orders: { port: 1, timeouts: { connect: 1s, attempt: 2s } } }\nstateDir: /var\n',
  );

  it('lays single values over the file, the later of two on top', () => {
    const config = good(file, {
      set: ['upstreams.orders.port=2', 'upstreams.orders.port=3', 'telemetry.accessLog=off'],
    });
    const orders = config.upstreams.get('orders')!;
    expect(orders.listen?.port).toBe(3);
    expect(orders.timeouts).toMatchObject({ connectMs: 1_000, attemptMs: 2_000 });
    expect(config.telemetry.accessLog).toBe('off');
  });

  it('reads values as the file would', () => {
    const config = good(file, {
      set: ['service.tags=[a, b]', 'inbound={port: 0}', 'stateDir=null', 'upstreams.orders.timeouts=null'],
    });
    expect(config.service.tags).toEqual(['a', 'b']);
    expect(config.inbound?.port).toBe(0);
    expect(config.stateDir).toBeNull();
    expect(config.upstreams.get('orders')?.timeouts.connectMs).toBe(5_000);
  });

  it('reaches names with dots in them through quotes', () => {
    const set = ['upstreams.api.service=api.example.com', 'static["api.example.com"]=["a:7"]'];
    expect(good(file, { set }).static.get('api.example.com')?.[0]?.port).toBe(7);
  });

  it('is named as the place of what is wrong in it, after the file', () => {
    const set = ['stateDir', '=1', 'admin.port=[', 'upstreams.orders.prt=5', 'service.port=null', 'stateDir=!env X'];
    expect(complaints(`${file}x: 1\n`, { set })).toEqual([
      expect.stringMatching(/^remora.yaml:5:1 x: found an unknown key/),
      '--set: found "stateDir" without a value, expected path=value, such as upstreams.orders.port=9001',
      '--set: found a flag that begins with no path, expected path=value, such as upstreams.orders.port=9001',
      expect.stringMatching(/^--set admin.port: found broken YAML, expected YAML 1.2/),
      '--set stateDir: found a tag, expected a value without one; Unresolved tag: !env',
      '--set service.port: found nothing, expected a port from 1 to 65535',
      expect.stringMatching(/^--set upstreams.orders.prt: found an unknown key, .*; did you mean port\?$/),
    ]);
  });
});

it.each(['consul.token:s3cret', 's3cret!', 'consul.token="s3cret', 'consul.token={a: s3cret', 'consul.token=[s3cret]'])(
  'never shows more than the path of the flag %j',
  (flag) => {
    const lines = complaints(web(), { set: [flag] });
    expect(lines).not.toEqual([]);
    expect(lines.join()).not.toContain('s3cret');
  },
);

it('writes paths that it reads back', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ minLength: 1 }).filter((key) => !/[\\\p{C}]/u.test(key)),
        { minLength: 1 },
      ),
      (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      },
    ),
  );
});
