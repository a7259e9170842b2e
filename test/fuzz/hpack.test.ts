import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPRESSION_ERROR } from '../../src/http2/errors.ts';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { kindOf, OTHER } from '../../src/http2/field-kinds.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import { BEGIN_ROOM, fieldRoom, HpackEncoder } from '../../src/http2/hpack-encoder.ts';
import { fieldLists, type TestField } from '../support/hpack-arbitraries.ts';
import { huffmanField, integer, plainString } from '../support/hpack-bytes.ts';
import { HpackNodePeer } from '../support/hpack-node-peer.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const RUN = { seed: SEED, numRuns: 1_000_000, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false };
const LIMITS = { maxListBytes: 1 << 20, maxFields: 1000, maxTableBytes: 8192 };

const PSEUDO: readonly TestField[] = [
  { name: ':method', value: 'GET', isSecret: false },
  { name: ':scheme', value: 'http', isSecret: false },
  { name: ':path', value: '/orders', isSecret: false },
  { name: ':authority', value: 'orders.mesh', isSecret: false },
];

/** What means nothing to node itself; of `cookie` and the like it sorts or joins the lines. */
const lists = fieldLists.map((list) =>
  list.filter(({ name, value }) => kindOf(name) === OTHER && value.length < 2500 && name !== 'http2-settings'),
);
const sizes = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: LIMITS.maxTableBytes }));
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ request: lists, answer: lists }) },
    { weight: 1, arbitrary: fc.record({ allow: sizes }) },
    { weight: 1, arbitrary: fc.record({ limit: sizes }) },
  ),
  { minLength: 3, maxLength: 25 },
);

let node: HpackNodePeer;
beforeAll(async () => {
  node = await HpackNodePeer.start();
});
afterAll(() => node.stop());

function encode(encoder: HpackEncoder, fields: readonly TestField[]): Buffer {
  const room = fields.reduce((sum, { name, value }) => sum + fieldRoom(name, value), BEGIN_ROOM);
  const out = { bytes: Buffer.alloc(room), end: 0 };
  encoder.begin(out);
  for (const { name, value, isSecret } of fields) encoder.put(out, name, value, isSecret);
  return out.bytes.subarray(0, out.end);
}

function sorted(pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.map(([name, value]) => `${name}: ${value}`).sort();
}

/** An object has one line of each name. */
function onePerName(list: readonly TestField[]): TestField[] {
  return list.filter((field, i) => list.findIndex(({ name }) => name === field.name) === i);
}

describe(`HPACK and node’s, seed ${SEED}`, () => {
  it('understand each other over whole connections', async () => {
    let blocks = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const connection = await node.connect();
        const encoder = new HpackEncoder(LIMITS.maxTableBytes);
        const decoder = new HpackDecoder(LIMITS);
        const block = new FieldBlock();
        try {
          for (const step of steps) {
            if ('allow' in step) {
              await connection.allow(step.allow);
              encoder.setPeerLimit(step.allow);
            } else if ('limit' in step) {
              connection.limit(step.limit);
            } else {
              const request = [...PSEUDO, ...step.request];
              const answer = onePerName(step.answer);
              const secrets = answer.filter(({ isSecret }) => isSecret).map(({ name }) => name);
              const [seen, bytes] = await connection.exchange(
                encode(encoder, request),
                Object.fromEntries(answer.map(({ name, value }) => [name, value])),
                secrets,
              );
              expect(seen.fields).toEqual(request.map(({ name, value }) => [name, value]));
              const ourSecrets = request.filter(({ name, isSecret }) => isSecret || name === 'authorization');
              expect(new Set(seen.secrets)).toEqual(new Set(ourSecrets.map(({ name }) => name)));

              expect(decoder.decode(bytes, 0, bytes.length, block)).toBe(true);
              expect(block.problem).toBe('none');
              const pairs = Array.from({ length: block.size }, (_, i) => [block.names[i]!, block.values[i]!] as const);
              const expected = answer.map(({ name, value }) => [name, value] as const);
              expect(sorted(pairs)).toEqual(sorted([[':status', '200'], ...expected]));
              for (const name of secrets) expect(block.secrets[block.names.indexOf(name)], name).toBe(true);
              blocks++;
            }
          }
        } finally {
          connection.close();
        }
      }),
      RUN,
    );
    console.log(`exchanged ${blocks} blocks, FUZZ_SEED=${SEED}`);
    expect(blocks).toBeGreaterThan(100);
  }, 20_000);

  it('refuse the same blocks', async () => {
    const field = fc.record({ name: fc.constantFrom('a', 'x-tenant'), value: fc.stringMatching(/^[!-~]{0,20}$/) });
    const piece = fc.oneof(
      field.map(({ name, value }) => huffmanField(name, value)),
      field.map(({ name, value }) => Buffer.concat([Buffer.of(0x40), plainString(name), plainString(value)])),
      fc.integer({ min: 1, max: 64 }).map((index) => integer(0x80, 7, index)),
      fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
      fc.integer({ min: 0, max: 5000 }).map((size) => integer(0x20, 5, size)),
    );
    const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.nat(200) });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), fc.option(damage), async (pieces, damage) => {
        let bytes = Buffer.concat(pieces);
        if (damage !== null) {
          bytes[damage.at % bytes.length] = damage.byte;
          if (damage.cut < bytes.length) bytes = bytes.subarray(0, damage.cut + 1);
        }
        const ours = new HpackDecoder({ ...LIMITS, maxTableBytes: 4096 }).decode(
          bytes,
          0,
          bytes.length,
          new FieldBlock(),
        );
        const connection = await node.connect();
        try {
          const code = await connection.codeFor(bytes);
          expect(code === COMPRESSION_ERROR, bytes.toString('hex')).toBe(!ours);
          compared++;
        } finally {
          connection.close();
        }
      }),
      RUN,
    );
    console.log(`compared ${compared} blocks, FUZZ_SEED=${SEED}`);
    expect(compared).toBeGreaterThan(100);
  }, 20_000);
});
