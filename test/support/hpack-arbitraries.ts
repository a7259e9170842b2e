import fc from 'fast-check';

export interface TestField {
  readonly name: string;
  readonly value: string;
  readonly isSecret: boolean;
}

/** Few names and values, so that they come again, and now and then one that does not. */
const names = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('content-type', 'accept-encoding', 'cookie', 'via', 'date', 'authorization'),
  },
  { weight: 4, arbitrary: fc.constantFrom('x-tenant', 'grpc-timeout', 'traceparent', 'n'.repeat(64), 'n'.repeat(65)) },
  { weight: 2, arbitrary: fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9a-z]{1,40}$/) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 200 }).map((n) => `x-${n}`) },
);

const values = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'gzip, deflate', '1', 'application/grpc', 'x'.repeat(200)) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }).map((n) => `value ${n}`) },
  { weight: 2, arbitrary: fc.stringMatching(/^[!-~\x80-\xff]([\t -~\x80-\xff]{0,60}[!-~\x80-\xff])?$/) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }).map((length) => 'y'.repeat(length)) },
);

export const fieldLists: fc.Arbitrary<TestField[]> = fc.array(
  fc.record({ name: names, value: values, isSecret: fc.nat(9).map((n) => n === 0) }),
  { maxLength: 12 },
);
