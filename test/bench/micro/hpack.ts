import { FieldBlock } from '../../../src/http2/field-block.ts';
import { HpackDecoder } from '../../../src/http2/hpack-decoder.ts';
import { HpackEncoder } from '../../../src/http2/hpack-encoder.ts';
import { huffmanField } from '../../support/hpack-bytes.ts';

/**
 * What HPACK costs per head, alone on one core: `node --experimental-transform-types test/bench/micro/hpack.ts`. Prints and asserts nothing.
 *
 * The head is that of a gRPC call: twelve fields, eight of them the same every time and four that never are.
 */
const ROUNDS = 7;
const COUNT = 200_000;
const HEADS = 64;

const STEADY: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/shop.orders.v1.Orders/GetOrder'],
  [':authority', 'orders.mesh:8080'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ['user-agent', 'grpc-node-js/1.14.7'],
  ['grpc-accept-encoding', 'identity,deflate,gzip'],
];
const out = { bytes: Buffer.allocUnsafeSlow(65_536), end: 0 };
const limits = { maxListBytes: 65_536, maxFields: 128, maxTableBytes: 4096 };

const heads = Array.from({ length: HEADS }, (_, n) => [...STEADY, ...varying(n)]);
const steady = heads.map(() => STEADY);

function varying(n: number): [string, string][] {
  const hex = (n * 0x9e3779b1 + 0x12345678).toString(16).slice(0, 8).padStart(8, '0');
  return [
    ['grpc-timeout', `${999_000 + n * 7}u`],
    ['x-request-id', `${hex}-d9cb-469f-a165-7086${hex}`],
    ['traceparent', `00-4bf92f35${hex}6da6a3ce929d0e0e-00f067aa${hex}-01`],
    ['x-remora-hop', hex],
  ];
}

for (const [name, list] of [
  ['12 fields, 4 of them new', heads],
  ['8 fields, none new', steady],
] as const) {
  const encoder = new HpackEncoder(4096);
  const encode = (n: number): number => {
    out.end = 0;
    encoder.begin(out);
    const fields = list[n % HEADS]!;
    for (let i = 0; i < fields.length; i++) encoder.put(out, fields[i]![0], fields[i]![1], false);
    return out.end;
  };
  measure(`encode ${name}`, encode);

  const warm = new HpackEncoder(4096);
  const plain = list.map((fields) => {
    out.end = 0;
    for (const [name, value] of fields) warm.put(out, name, value, false);
    return Buffer.from(out.bytes.subarray(0, out.end));
  });
  const decoder = new HpackDecoder(limits);
  const block = new FieldBlock();
  for (const bytes of plain) decoder.decode(bytes, 0, bytes.length, block);
  const settled = plain.slice(3);
  measure(`decode ${name}`, (n) => read(decoder, settled[n % settled.length]!, block));

  const coded = list.map((fields, n) => {
    const literals = fields.slice(STEADY.length).map(([name, value]) => huffmanField(name, value));
    return Buffer.concat([settled[n % settled.length]!.subarray(0, STEADY.length), ...literals]);
  });
  measure(`decode ${name}, Huffman`, (n) => read(decoder, coded[n % HEADS]!, block));
}

function read(decoder: HpackDecoder, bytes: Buffer, block: FieldBlock): number {
  if (!decoder.decode(bytes, 0, bytes.length, block)) throw new Error('not decoded');
  return block.size;
}

function measure(name: string, run: (n: number) => number): void {
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.hrtime.bigint();
    for (let i = 0; i < COUNT; i++) sum += run(i);
    best = Math.min(best, Number(process.hrtime.bigint() - before) / COUNT);
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(0).padStart(6)} ns ${sum > 0 ? '' : '(nothing done)'}`);
}
