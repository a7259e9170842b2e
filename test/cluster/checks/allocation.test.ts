import { expect, it } from 'vitest';
import type { Endpoint } from '../../../src/cluster/endpoint.ts';
import { RequestParser } from '../../../src/http1/request-parser.ts';
import { ResponseParser } from '../../../src/http1/response-parser.ts';
import { Placed } from '../../../src/proxy/placement.ts';
import { Anywhere } from '../../../src/route/anywhere.ts';
import { Identified } from '../../../src/route/identified.ts';
import { allocatedPer } from '../../support/allocated.ts';
import { checkedCluster, checkOptions } from '../../support/checked-endpoints.ts';
import { PEER } from '../../support/exchange-script.ts';
import { pickContext } from '../../support/fake-endpoint.ts';

/** The smallest thing on the heap takes 12 bytes; a deoptimised moment is spread over ten thousand. */
const NOTHING = 1;

function answerHead() {
  const parser = new ResponseParser({ maxHeadBytes: 65_536, maxFields: 100, maxTargetBytes: 8_192 });
  parser.begin('GET', null);
  const fields = 'content-type: application/json\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-request-id: abcdef\r\n';
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${fields}content-length: 2\r\n\r\n`);
  expect(parser.parse(bytes, 0)).toBe(bytes.length);
  return parser.head;
}

function askedHead() {
  const parser = new RequestParser({ maxHeadBytes: 65_536, maxFields: 100, maxTargetBytes: 8_192 }, 'http');
  const bytes = Buffer.from('GET /orders HTTP/1.1\r\nhost: orders\r\nuser-agent: curl\r\nx-user: a\r\n\r\n');
  expect(parser.parse(bytes, 0)).toBe(bytes.length);
  return parser.head;
}

it('requests to endpoints that are checked allocate nothing for it', () => {
  const scene = checkedCluster(checkOptions());
  scene.know('abcdef');
  scene.clock.advance(10);
  for (const name of 'abcdef') scene.at(name).last.answer(200);
  scene.later();
  const { cluster } = scene;
  const context = pickContext({ now: 20_000 });
  const head = answerHead();
  const now = 20_000;
  let last: Endpoint | null = null;
  const bytes = allocatedPer((times) => {
    for (let i = 0; i < times; i++) {
      last = cluster.pick(context);
      if (last!.check !== null) last!.check.read(head, now);
    }
  });
  expect(last!.check).not.toBeNull();
  expect(bytes).toBeLessThan(NOTHING);
});

it('requests to a port that signs answers to health checks allocate nothing for it', () => {
  const placement = new Identified(new Anywhere(null), 'orders');
  const placed = new Placed([]);
  const head = askedHead();
  const bytes = allocatedPer((times) => {
    for (let i = 0; i < times; i++) {
      placed.reset();
      placement.place(head, PEER, placed);
    }
  });
  expect(placed.isMarked).toBe(false);
  expect(bytes).toBeLessThan(NOTHING);
});
