import { describe, expect, it } from 'vitest';
import { differenceText, summaryOf } from '../../src/cli/config/difference-text.ts';
import { type DocumentRoot, differenceOf } from '../../src/config/store/difference.ts';

const FILE: DocumentRoot = { kind: 'document' };
const ORDERS: DocumentRoot = { kind: 'upstream', service: 'orders' };

function text(before: unknown, after: unknown, root = FILE): string[] {
  return differenceText(differenceOf(before, after, root))
    .trimEnd()
    .split('\n');
}

describe('the difference of two documents', () => {
  it('is told by routes and upstreams, value by value', () => {
    const before = {
      defaults: { retry: { attempts: 2 } },
      routes: { cart: { hosts: ['shop'], to: 'cart' }, old: { hosts: ['old'], to: 'old' } },
      upstreams: { orders: { timeouts: { request: '15s' }, routes: { a: { to: 'b' } } } },
    };
    const after = {
      defaults: { retry: { attempts: 3 } },
      routes: { cart: { hosts: ['shop', 'www'], to: 'cart' }, pay: { hosts: ['pay'], to: 'pay' } },
      upstreams: { orders: { timeouts: { request: null }, routes: { a: { to: 'c' } } }, stock: { service: 's' } },
    };
    expect(text(before, after)).toEqual([
      '~ every upstream',
      '    retry.attempts  2 -> 3',
      '~ route cart',
      '    hosts  ["shop"] -> ["shop","www"]',
      '- route old',
      '    hosts  ["old"]',
      '    to     old',
      '+ route pay',
      '    hosts  ["pay"]',
      '    to     pay',
      '~ upstream orders',
      '    timeouts.request  15s -> (taken away)',
      '~ route a of upstream orders',
      '    to  b -> c',
      '~ upstream stock',
      '    service  (not said) -> s',
    ]);
  });

  it('reads the document of a service as one upstream', () => {
    expect(text({}, { timeouts: { request: '5s' }, routes: { a: { to: 'b' } } }, ORDERS)).toEqual([
      '~ how orders is called',
      '    timeouts.request  (not said) -> 5s',
      '+ route a',
      '    to  b',
    ]);
  });

  it('is none where only the order of keys is another', () => {
    const changes = differenceOf({ a: 1, b: [{ x: 1, y: 2 }] }, { b: [{ y: 2, x: 1 }], a: 1 }, FILE);
    expect(changes).toEqual([]);
    expect(summaryOf(changes)).toBe('says the same as before');
  });

  it('cuts what is long and shows what would move the cursor', () => {
    const [, line] = text({}, { upstreams: { a: { tag: `\u001b[2J${'x'.repeat(200)}` } } });
    expect(line).toMatch(/^ {4}tag {2}\(not said\) -> "\\u001b\[2Jx+\.\.\.$/);
    expect(line!.length).toBeLessThan(90);
  });

  it('is summed up in a line', () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`r${n}`, { to: 'x' }]));
    expect(summaryOf(differenceOf({}, { routes: many }, FILE))).toBe(
      '+ route r0, + route r1, + route r2, + route r3 and 5 more',
    );
    expect(summaryOf(differenceOf({ retry: { attempts: 1 } }, { retry: { attempts: 2 } }, ORDERS))).toBe(
      '~ how orders is called (retry.attempts 1 -> 2)',
    );
  });
});
