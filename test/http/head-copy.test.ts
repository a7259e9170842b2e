import { describe, expect, it } from 'vitest';
import { Edits } from '../../src/http/edits.ts';
import { RequestCopy, ResponseCopy } from '../../src/http/head-copy.ts';
import { requestHead, responseHead } from '../support/exchange-script.ts';

describe('a copy of a head', () => {
  it('says what the head said, when that says something else', () => {
    const head = requestHead({
      method: 'PUT',
      path: '/a',
      body: 'length',
      contentLength: 3,
      fields: { a: '1', b: '2' },
    });
    const copy = new RequestCopy(head);
    Object.assign(head, { method: 'GET', path: '/b', body: 'none', contentLength: -1 });
    expect(copy).toMatchObject({ method: 'PUT', path: '/a', authority: 'orders', body: 'length', contentLength: 3 });
    expect([copy.get('a'), copy.get('b')]).toEqual(['1', '2']);
    expect(copy.bytes).toBe('PUTorders/aa1b2'.length);
  });

  it('waits for nothing before its body', () => {
    expect(new RequestCopy(requestHead({ body: 'chunked', wantsContinue: true })).wantsContinue).toBe(false);
  });

  it('leaves out what belonged to the hop alone because it was named so', () => {
    const fields = { connection: 'close, X-Mine', 'x-mine': '1', 'x-other': '2' };
    const copy = new RequestCopy(requestHead({ fields }));
    expect([copy.get('x-mine'), copy.get('x-other')]).toEqual([null, '2']);
  });

  it('has the edits done', () => {
    const edits = new Edits();
    edits.set('a', 'new');
    edits.append('set-cookie', 'sid=1');
    const copy = new ResponseCopy(responseHead(200, 'length', 5, { a: 'old', b: '2' }), edits);
    const lines: string[] = [];
    copy.forEach((name, value) => lines.push(`${name}: ${value}`));
    expect(copy).toMatchObject({ status: 200, body: 'length', contentLength: 5 });
    expect(lines).toEqual(['b: 2', 'a: new', 'set-cookie: sid=1']);
  });
});
