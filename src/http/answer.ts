import { FAILURE_CODES, FAILURES, type FailureCode } from '../base/failure.ts';
import { FieldList, type Fields } from './fields.ts';

/**
 * An answer that remora makes itself: a failure, later a redirect or a direct response. The client's side picks the
 * wire form.
 */
export interface LocalAnswer {
  readonly status: number;
  readonly grpcStatus: number;
  /** Null when the answer is no failure. */
  readonly code: FailureCode | null;
  readonly fields: Fields;
  /** UTF-8 text; empty for none. */
  readonly body: string;
}

/** The answer for a failure: it says what failed and never where. One object per code, since nothing in it varies. */
export function failureAnswer(code: FailureCode): LocalAnswer {
  return ANSWERS.get(code)!;
}

const ANSWERS: ReadonlyMap<FailureCode, LocalAnswer> = new Map(FAILURE_CODES.map((code) => [code, makeAnswer(code)]));

function makeAnswer(code: FailureCode): LocalAnswer {
  const facts = FAILURES[code];
  const fields = new FieldList()
    .add('content-type', 'text/plain; charset=utf-8')
    .add('proxy-status', `remora; error=${facts.proxyStatus}; details="${code}"`)
    .add('x-remora-failure', code);
  if (code === 'method_not_allowed') fields.add('allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  return {
    status: facts.status,
    grpcStatus: facts.grpcStatus,
    code,
    fields,
    body: `remora: ${code}: ${facts.meaning}\n${facts.remedy}\n`,
  };
}
