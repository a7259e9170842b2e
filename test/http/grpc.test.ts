import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';
import { failureAnswer } from '../../src/http/answer.ts';
import { FieldList } from '../../src/http/fields.ts';
import {
  encodeGrpcMessage,
  formatGrpcTimeout,
  grpcAnswer,
  grpcStatusOf,
  isGrpc,
  parseGrpcTimeout,
} from '../../src/http/grpc.ts';

describe('isGrpc', () => {
  it.each(['application/grpc', 'application/grpc+proto', 'application/grpc;charset=utf-8', 'Application/gRPC ; a=b'])(
    'knows %s',
    (type) => {
      expect(isGrpc(type)).toBe(true);
    },
  );

  it.each([
    null,
    '',
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpcx',
    'text/application/grpc',
  ])('does not take %s for it', (type) => {
    expect(isGrpc(type)).toBe(false);
  });
});

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['1050m', 1_050],
    ['1500u', 2],
    ['1n', 1],
    ['0m', 0],
    ['99999999m', 99_999_999],
  ])('%s is %d ms', (text, ms) => {
    expect(parseGrpcTimeout(text)).toBe(ms);
  });

  it.each(['', 'm', '1', '1s', '1 m', '-1m', '1.5S', '100000000m', '1mm', '+1m', ' 1m'])('%j is none', (text) => {
    expect(parseGrpcTimeout(text)).toBe(-1);
  });

  it('is written in the finest unit that has room', () => {
    expect([0, 0.2, 1_050, 99_999_999, 100_000_000].map(formatGrpcTimeout)).toEqual([
      ...['0m', '1m', '1050m', '99999999m', '100000S'],
    ]);
    expect(formatGrpcTimeout(Number.MAX_VALUE)).toBe('99999999H');
  });

  it('is never shorter than what was meant, and exact where there is room', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(99_999_999), fc.integer({ min: 0, max: 2 ** 45 })), (ms) => {
        const said = parseGrpcTimeout(formatGrpcTimeout(ms));
        expect(said).toBeGreaterThanOrEqual(ms);
        if (ms <= 99_999_999) expect(said).toBe(ms);
        else expect(said - ms).toBeLessThan(ms / 1_000);
      }),
    );
  });
});

describe('grpc-status', () => {
  it.each([
    ['0', 0],
    ['14', 14],
    ['', 2],
    ['x', 2],
    ['-1', 2],
    ['0, 0', 2],
  ])('%j is %d', (text, status) => {
    expect(grpcStatusOf(new FieldList().add('grpc-status', text))).toBe(status);
  });

  it('may be absent', () => {
    expect(grpcStatusOf(new FieldList())).toBe(-1);
  });
});

describe('grpc-message', () => {
  it('is readable where it can be', () => {
    expect(encodeGrpcMessage('no_route: 100% "gräßlich"\n')).toBe('no_route: 100%25 "gr%C3%A4%C3%9Flich"%0A');
  });

  it('says every text in a value that a field may have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = encodeGrpcMessage(text);
        expect(encoded).toMatch(/^(?:[!-~](?:[ -~]*[!-~])?)?$/);
        expect(decodeURIComponent(encoded)).toBe(text);
      }),
    );
  });
});

describe('an answer for a gRPC client', () => {
  it('is a head alone, with the status of the call and why', () => {
    const answer = grpcAnswer(failureAnswer('circuit_open'));
    const fields: string[] = [];
    answer.fields.forEach((name, value) => fields.push(`${name}: ${value}`));
    expect([answer.status, answer.code, answer.body]).toEqual([200, 'circuit_open', '']);
    expect(fields).toEqual([
      'content-type: application/grpc',
      'grpc-status: 14',
      `grpc-message: remora: circuit_open: ${FAILURES.circuit_open.meaning} ${FAILURES.circuit_open.remedy}`,
      'proxy-status: remora; error=destination_unavailable; details="circuit_open"',
      'x-remora-failure: circuit_open',
    ]);
  });

  it('leaves the answer as it was', () => {
    grpcAnswer(failureAnswer('no_route'));
    expect(failureAnswer('no_route').status).toBe(404);
  });
});
