import { expect, it } from 'vitest';
import { Edits } from '../../src/http/edits.ts';
import { Placed } from '../../src/proxy/placement.ts';
import { Anywhere } from '../../src/route/anywhere.ts';
import { Identified } from '../../src/route/identified.ts';
import { PEER, requestHead, responseHead } from '../support/exchange-script.ts';

it('signs the answers to health checks and no others', () => {
  const placement = new Identified(new Anywhere(null), 'orders');
  const placed = new Placed([]);
  expect(placement.place(requestHead(), PEER, placed)).toBeNull();
  expect(placed.isMarked).toBe(false);
  expect(placement.place(null, PEER, placed)).toBeNull();
  expect(placed.isMarked).toBe(false);
  placement.place(requestHead({ fields: { 'x-remora-health-check': 'web' } }), PEER, placed);
  expect(placed.isMarked).toBe(true);
  const edits = new Edits();
  placement.mark(placed, responseHead(200), edits);
  expect([edits.names[0], edits.values[0], edits.addedCount]).toEqual(['x-remora-service', 'orders', 1]);
});

it('refuses what the placement within refuses', () => {
  const inner = { place: () => 'bad_request' as const, mark: () => undefined };
  expect(new Identified(inner, 'orders').place(requestHead(), PEER, new Placed([]))).toBe('bad_request');
});
