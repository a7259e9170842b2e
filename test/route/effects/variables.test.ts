import { describe, expect, it } from 'vitest';
import { isSettable } from '../../../src/route/effects/settable.ts';
import { FieldText, variableFlaw } from '../../../src/route/effects/variables.ts';
import { PEER, requestHead } from '../../support/exchange-script.ts';

const KNOWN = { route: 'checkout', upstream: 'orders' };
const FACTS = {
  head: requestHead({ method: 'PUT', path: '/a?b=c', authority: 'shop:80', fields: { 'x-user': 'eve', 'x-two': ' ' } }),
  peer: PEER,
  requestId: 'id-1',
};

function said(text: string): string {
  return new FieldText(text, KNOWN).of(FACTS);
}

describe('the value of a field', () => {
  it.each([
    ['plain', 'plain'],
    ['100%%', '100%'],
    ['%%%route%%%', '%checkout%'],
    ['%route%/%upstream%', 'checkout/orders'],
    ['%client_address% %request_id%', '127.0.0.1 id-1'],
    ['%method% %scheme%://%host%%path%', 'PUT http://shop:80/a'],
    ['user=%header(X-User)%;', 'user=eve;'],
    ['%header(x-absent)%', ''],
    ['a %header(x-absent)%', 'a'],
  ])('%s is %s', (text, expected) => {
    expect(variableFlaw(text)).toBeNull();
    expect(said(text)).toBe(expected);
  });

  it.each([
    ['100%', 'does not end'],
    ['%rout%', 'there is no variable `%rout%`'],
    ['%header(x y)%', 'is not the name of a field'],
    ['%header()%', 'is not the name of a field'],
    ['a\r\nb', 'visible ASCII'],
    ['a\u0000', 'visible ASCII'],
    // Written as latin1, its lower byte would end the line.
    ['a\u010ab', 'visible ASCII'],
    [' a', 'blank'],
    ['a\t', 'blank'],
    ['%path%'.repeat(17), 'at most 16'],
  ])('%j is refused', (text, words) => {
    expect(variableFlaw(text)).toContain(words);
  });

  it('never ends its line, whatever a route is called', () => {
    expect(new FieldText('%route%', { route: 'a\r\nb\u010a', upstream: '' }).of(FACTS)).toBe('a??b?');
  });
});

it('tells which fields may be set', () => {
  const may = ['x-user', 'authorization', 'cookie', 'set-cookie', 'x-forwarded-for', 'vary', 'content-type'];
  const mayNot = ['host', 'connection', 'te', 'content-length', 'transfer-encoding', ':path', 'x-remora-hop', 'X-Up'];
  expect(may.filter((name) => !isSettable(name))).toEqual([]);
  expect([...mayNot, '', 'a b', 'a:', 'grpc-status', 'traceparent'].filter(isSettable)).toEqual([]);
});
