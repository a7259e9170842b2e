import { describe, expect, it } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { makeRequestId } from '../../src/http/request-id.ts';
import { isTraceparent, nextSpanId, TraceIds, traceparentOf } from '../../src/http/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('isTraceparent', () => {
  it.each([
    ['version 00', `00-${TRACE}-${SPAN}-01`],
    ['unknown flags', `00-${TRACE}-${SPAN}-ff`],
    ['a later version of the same length', `01-${TRACE}-${SPAN}-00`],
    ['a later version with more behind a dash', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be`],
  ])('accepts %s', (_, text) => {
    expect(isTraceparent(text)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['version 00 with more behind it', `00-${TRACE}-${SPAN}-01-x`],
    ['a later version with more behind no dash', `01-${TRACE}-${SPAN}-01.x`],
    ['two joined lines', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['two joined lines of a later version', `01-${TRACE}-${SPAN}-01, 01-${TRACE}-${SPAN}-01`],
    ['upper-case digits in the trace', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['upper-case digits in the span', `00-${TRACE}-${SPAN.toUpperCase()}-01`],
    ['upper-case flags', `00-${TRACE}-${SPAN}-0A`],
    ['no hex in the version', `0x-${TRACE}-${SPAN}-01`],
    ['no hex in the flags', `00-${TRACE}-${SPAN}-0g`],
    ['an all-zero trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['an all-zero span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a missing digit', `00-${TRACE}-${SPAN}-1`],
    ['other separators', `00_${TRACE}_${SPAN}_01`],
    ['white space around it', ` 00-${TRACE}-${SPAN}-01`],
    ['letters outside latin1 whose low byte is a digit', `00-${TRACE.replace('4', '\u0134')}-${SPAN}-01`],
  ])('refuses %s', (_, text) => {
    expect(isTraceparent(text)).toBe(false);
  });
});

describe('TraceIds', () => {
  it('continues a trace with the caller as parent and its own span', () => {
    const ids = new TraceIds();
    ids.continueOrBegin(`00-${TRACE}-${SPAN}-01`, 0, new SeededRandom(1));
    expect(ids).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, isSampled: true, isContinued: true });
    expect(ids.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(ids.spanId).not.toBe(SPAN);
  });

  it.each([
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['fe', false],
    ['ff', true],
  ])('reads only the sampled bit of flags %s', (flags, isSampled) => {
    const ids = new TraceIds();
    ids.continueOrBegin(`00-${TRACE}-${SPAN}-${flags}`, 1, new SeededRandom(1));
    expect(ids.isSampled).toBe(isSampled);
  });

  it.each([null, 'nonsense'])('begins a trace when the field is %s', (field) => {
    const ids = new TraceIds();
    ids.continueOrBegin(`00-${TRACE}-${SPAN}-01`, 0, new SeededRandom(1));
    ids.continueOrBegin(field, 1, new SeededRandom(2));
    expect(ids).toMatchObject({ parentSpanId: '', isSampled: true, isContinued: false });
    expect(ids.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(ids.traceId).not.toBe(TRACE);
  });

  it('samples the given share of the traces it begins', () => {
    const random = new SeededRandom(7);
    const ids = new TraceIds();
    const sampledOf = (ratio: number): number => {
      let sampled = 0;
      for (let i = 0; i < 10_000; i++) {
        ids.continueOrBegin(null, ratio, random);
        if (ids.isSampled) sampled += 1;
      }
      return sampled;
    };
    expect(sampledOf(0)).toBe(0);
    expect(sampledOf(1)).toBe(10_000);
    expect(sampledOf(0.1)).toBeGreaterThan(850);
    expect(sampledOf(0.1)).toBeLessThan(1150);
  });

  it('never makes an id of zeros, which would mean none', () => {
    const zeros: Random = { uint32: () => 0, next: () => 0, below: () => 0 };
    const ids = new TraceIds();
    ids.continueOrBegin(null, 0, zeros);
    expect(ids.traceId).toBe(`${'0'.repeat(31)}1`);
    expect(ids.spanId).toBe(`${'0'.repeat(15)}1`);
    expect(nextSpanId(zeros)).toBe(`${'0'.repeat(15)}1`);
  });

  it('sends what it can read itself', () => {
    const ids = new TraceIds();
    const random = new SeededRandom(3);
    for (let i = 0; i < 1000; i++) {
      ids.continueOrBegin(null, 0.5, random);
      const sent = traceparentOf(ids.traceId, ids.spanId, ids.isSampled);
      expect(isTraceparent(sent)).toBe(true);
      const next = new TraceIds();
      next.continueOrBegin(sent, 0, random);
      expect(next).toMatchObject({ traceId: ids.traceId, parentSpanId: ids.spanId, isSampled: ids.isSampled });
    }
  });
});

describe('makeRequestId', () => {
  it('makes version 4 UUIDs that differ', () => {
    const random = new SeededRandom(5);
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const id = makeRequestId(random);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      seen.add(id);
    }
    expect(seen.size).toBe(1000);
  });

  it('keeps the fixed bits when every drawn bit is set', () => {
    const ones: Random = { uint32: () => 0xffff_ffff, next: () => 0.999, below: (n) => n - 1 };
    expect(makeRequestId(ones)).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  });
});
