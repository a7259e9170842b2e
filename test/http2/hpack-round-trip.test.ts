import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import { BEGIN_ROOM, fieldRoom, HpackEncoder } from '../../src/http2/hpack-encoder.ts';
import { fieldLists, type TestField } from '../support/hpack-arbitraries.ts';

const MAX_TABLE_BYTES = 8192;

const step = fc.oneof(
  { weight: 4, arbitrary: fieldLists },
  { weight: 1, arbitrary: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: MAX_TABLE_BYTES })) },
);

function encode(encoder: HpackEncoder, fields: readonly TestField[]): Buffer {
  const room = fields.reduce((sum, { name, value }) => sum + fieldRoom(name, value), BEGIN_ROOM);
  const out = { bytes: Buffer.alloc(room), end: 0 };
  encoder.begin(out);
  for (const { name, value, isSecret } of fields) encoder.put(out, name, value, isSecret);
  expect(out.end).toBeLessThanOrEqual(room);
  return out.bytes.subarray(0, out.end);
}

function fieldsOf(block: FieldBlock): TestField[] {
  return Array.from({ length: block.size }, (_, i) => ({
    name: block.names[i]!,
    value: block.values[i]!,
    isSecret: block.secrets[i]!,
  }));
}

/** What any hop keeps out of tables counts as secret once it was sent. */
function asSent(fields: readonly TestField[]): TestField[] {
  return fields.map((field) => ({ ...field, isSecret: field.isSecret || field.name.endsWith('authorization') }));
}

describe('what was encoded', () => {
  it('is decoded as it was, whatever the blocks and the sizes of the table', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.integer({ min: 0, max: MAX_TABLE_BYTES }),
        (steps, maxTableBytes) => {
          const encoder = new HpackEncoder(maxTableBytes);
          const limits = { maxListBytes: 1 << 20, maxFields: 1000, maxTableBytes: MAX_TABLE_BYTES };
          const decoder = new HpackDecoder(limits);
          const block = new FieldBlock();
          for (const step of steps) {
            if (typeof step === 'number') {
              encoder.setPeerLimit(step);
              continue;
            }
            const bytes = encode(encoder, step);
            expect(decoder.decode(bytes, 0, bytes.length, block)).toBe(true);
            expect(block.problem).toBe('none');
            expect(fieldsOf(block)).toEqual(asSent(step));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('leaves the same table behind where the decoder keeps little of the blocks', () => {
    fc.assert(
      fc.property(
        fc.array(fieldLists, { minLength: 2, maxLength: 20 }),
        fc.integer({ min: 0, max: 6 }),
        (lists, most) => {
          const encoder = new HpackEncoder(4096);
          const small = new HpackDecoder({ maxListBytes: 1000, maxFields: most, maxTableBytes: 4096 });
          const large = new HpackDecoder({ maxListBytes: 1 << 20, maxFields: 1000, maxTableBytes: 4096 });
          const [kept, whole] = [new FieldBlock(), new FieldBlock()];
          for (const list of lists) {
            const bytes = encode(encoder, list);
            expect(small.decode(bytes, 0, bytes.length, kept)).toBe(true);
            expect(large.decode(bytes, 0, bytes.length, whole)).toBe(true);
            expect(kept.listBytes).toBe(whole.listBytes);
            expect(kept.problem === 'too_large').toBe(whole.listBytes > 1000 || list.length > most);
            expect(fieldsOf(kept)).toEqual(fieldsOf(whole).slice(0, kept.size));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('any bytes', () => {
  const decoderOf = () => new HpackDecoder({ maxListBytes: 2000, maxFields: 10, maxTableBytes: 4096 });

  it('are decoded or refused within the limits', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (pieces) => {
        const decoder = decoderOf();
        const block = new FieldBlock();
        for (const piece of pieces) {
          if (!decoder.decode(Buffer.from(piece), 0, piece.length, block)) return;
          expect(block.size).toBeLessThanOrEqual(10);
          const bytes = fieldsOf(block).reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0);
          expect(bytes).toBeLessThanOrEqual(2000);
          for (const { name, value } of fieldsOf(block)) {
            expect(name).toMatch(/^:|^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
            expect(value).toMatch(/^$|^[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?$/);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('that are the beginning of a block are refused, or are whole fields of it', () => {
    fc.assert(
      fc.property(fieldLists, (list) => {
        const bytes = encode(new HpackEncoder(4096), list);
        const whole = new FieldBlock();
        new HpackDecoder({ maxListBytes: 1 << 20, maxFields: 1000, maxTableBytes: 4096 }).decode(
          bytes,
          0,
          bytes.length,
          whole,
        );
        for (let end = 0; end < bytes.length; end++) {
          const block = new FieldBlock();
          const decoder = new HpackDecoder({ maxListBytes: 1 << 20, maxFields: 1000, maxTableBytes: 4096 });
          if (!decoder.decode(bytes, 0, end, block)) continue;
          expect(fieldsOf(block)).toEqual(fieldsOf(whole).slice(0, block.size));
          expect(block.size).toBeLessThan(whole.size);
        }
      }),
      { numRuns: 100 },
    );
  });
});
