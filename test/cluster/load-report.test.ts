import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoadReport, readLoadReport } from '../../src/cluster/load-report.ts';
import { FieldList } from '../../src/http/fields.ts';

function read(name: string, value: string): LoadReport | string {
  const report: LoadReport = { cpu: 9, application: 9, qps: 9, eps: 9 };
  const reading = readLoadReport(new FieldList().add(name, value), report);
  return reading === 'read' ? report : reading;
}

const TEXT = 'endpoint-load-metrics';
const BINARY = 'endpoint-load-metrics-bin';

/** A field of protobuf's wire type 1. */
function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

/** What protoc encodes for all four fields that are used, among the others: a map entry, rps and memory. */
const MESSAGE = Buffer.concat([
  double(1, 0.3),
  double(2, 0.8),
  Buffer.from([3 * 8, 0x96, 0x01]),
  Buffer.from([5 * 8 + 2, 12, 10, 1, 0x71, 17, ...double(0, 0.5).subarray(1)]),
  double(6, 120.5),
  double(7, 2),
  double(9, 0.45),
]);
const WHOLE: LoadReport = { cpu: 0.3, application: 0.45, qps: 120.5, eps: 2 };

describe('a load report', () => {
  it('is absent where there is no such field', () => {
    expect(read('content-type', 'text/plain')).toBe('absent');
  });

  it('is read from text, and what is not used is passed over', () => {
    const value =
      'TEXT cpu_utilization=0.3,mem_utilization=0.8, rps_fractional=120.5,eps=2,named_metrics.q=5,application_utilization=.45';
    expect(read(TEXT, value)).toEqual(WHOLE);
    expect(read(TEXT, 'TEXT cpu_utilization=3e-1')).toEqual({ cpu: 0.3, application: 0, qps: 0, eps: 0 });
  });

  it('is read from JSON in both spellings of protobuf', () => {
    expect(
      read(
        TEXT,
        'JSON {"cpuUtilization":0.3,"rps_fractional":120.5,"eps":2,"applicationUtilization":0.45,"named_metrics":{"a":1}}',
      ),
    ).toEqual(WHOLE);
  });

  it('is read from the protobuf message, under either name', () => {
    expect(read(BINARY, MESSAGE.toString('base64'))).toEqual(WHOLE);
    expect(read(BINARY, MESSAGE.toString('base64').replace(/=+$/, ''))).toEqual(WHOLE);
    expect(read(TEXT, `BIN ${MESSAGE.toString('base64')}`)).toEqual(WHOLE);
    expect(read(BINARY, '')).toEqual({ cpu: 0, application: 0, qps: 0, eps: 0 });
  });

  it.each([
    ['no word in front', TEXT, 'cpu_utilization=0.3'],
    ['a word nobody knows', TEXT, 'YAML cpu_utilization: 0.3'],
    ['text without a number', TEXT, 'TEXT cpu_utilization=high'],
    ['text that breaks off', TEXT, 'TEXT cpu_utilization'],
    ['no text', TEXT, 'TEXT '],
    ['a negative load', TEXT, 'TEXT cpu_utilization=-1'],
    ['an infinite load', TEXT, 'TEXT cpu_utilization=1e999'],
    ['a load that is no number', TEXT, 'TEXT cpu_utilization=NaN'],
    ['JSON that breaks off', TEXT, 'JSON {"eps":1'],
    ['JSON that is no object', TEXT, 'JSON [1]'],
    ['a negative load in JSON', TEXT, 'JSON {"eps":-1}'],
    ['no base64', BINARY, '***'],
    ['two reports in one', BINARY, `${MESSAGE.toString('base64')}, ${MESSAGE.toString('base64')}`],
    ['a number that is cut off', BINARY, MESSAGE.subarray(0, 5).toString('base64')],
    ['a length beyond the end', BINARY, Buffer.from([5 * 8 + 2, 100, 1]).toString('base64')],
    ['a tag without an end', BINARY, Buffer.alloc(12, 0xff).toString('base64')],
    ['a group', BINARY, Buffer.from([3 * 8 + 3]).toString('base64')],
    ['a NaN', BINARY, double(1, Number.NaN).toString('base64')],
    ['more than any report has', TEXT, `TEXT eps=1,${'x=1,'.repeat(1_100)}eps=1`],
  ])('is malformed with %s', (_what, name, value) => {
    expect(read(name, value)).toBe('malformed');
  });

  it('is finite and not negative, or malformed, whatever the bytes are', () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom(TEXT, BINARY),
        fc.constantFrom('', 'TEXT ', 'JSON ', 'BIN '),
        (noise, name, word) => {
          const text =
            word === 'BIN ' || name === BINARY
              ? Buffer.from(noise).toString('base64')
              : Buffer.from(noise).toString('latin1');
          const report = read(name, `${word}${text}`);
          if (typeof report === 'string') {
            expect(report).toBe('malformed');
            return;
          }
          for (const value of Object.values(report)) expect(value >= 0 && Number.isFinite(value)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
