import { describe, expect, it } from 'vitest';
import { FieldList } from '../../src/http/fields.ts';
import { attemptOf, markOf, markState } from '../../src/http/retry-mark.ts';

function fields(texts: Readonly<Record<string, string>>): FieldList {
  const list = new FieldList();
  for (const [name, value] of Object.entries(texts)) list.add(name, value);
  return list;
}

describe('the mark of a request', () => {
  it('is the largest of the three that may have come through', () => {
    expect(markOf(fields({}), true, true)).toBe(1);
    expect(markOf(fields({ 'x-remora-attempt': '3' }), true, true)).toBe(3);
    expect(markOf(fields({ 'grpc-previous-rpc-attempts': '1' }), true, true)).toBe(2);
    expect(markOf(fields({ tracestate: 'a=b, remora=a:4,c=d' }), true, true)).toBe(4);
    const all = { 'x-remora-attempt': '2', 'grpc-previous-rpc-attempts': '4', tracestate: 'remora=a:3' };
    expect(markOf(fields(all), true, true)).toBe(5);
  });

  it('is not read where it means nothing', () => {
    expect(markOf(fields({ 'grpc-previous-rpc-attempts': '1' }), false, true)).toBe(1);
    expect(markOf(fields({ tracestate: 'remora=a:2' }), true, false)).toBe(1);
  });

  it.each(['', '0', '-1', 'two', '1.5', '2, 2', '1e3', '123'])('takes an attempt of %j for the first', (text) => {
    expect(attemptOf(fields({ 'x-remora-attempt': text }))).toBe(1);
  });

  it.each([
    'remora=',
    'remora=a:',
    'remora=a:x',
    'remora=a:222',
    'remora=ba:2',
    'other=remora=a:2',
    'xremora=a:2',
    'remora=b:1;xa:2',
    ',,,=',
  ])('finds none in a tracestate of %j', (tracestate) => {
    expect(markOf(fields({ tracestate }), false, true)).toBe(1);
  });

  it('is found among what else the member may come to say', () => {
    expect(markOf(fields({ tracestate: 'remora=b:1;a:2;c:3' }), false, true)).toBe(2);
    expect(markOf(fields({ tracestate: 'x=y,\tremora=a:2\t' }), false, true)).toBe(2);
  });
});

describe('a marked tracestate', () => {
  it('has our member leftmost and once, and those of others in their order', () => {
    expect(markState(null, 2)).toBe('remora=a:2');
    expect(markState('a=1,b=2', 2)).toBe('remora=a:2,a=1,b=2');
    expect(markState('a=1 , remora=a:2,,b=2,', 3)).toBe('remora=a:3,a=1,b=2');
  });

  it('never says less than it did', () => {
    expect(markState('a=1,remora=a:5', 2)).toBe('remora=a:5,a=1');
  });

  it('has 32 members at most: who was there longest goes', () => {
    const others = Array.from({ length: 32 }, (_, i) => `v${i}=x`);
    expect(markState(others.join(','), 2)).toBe(['remora=a:2', ...others.slice(0, 31)].join(','));
  });
});
