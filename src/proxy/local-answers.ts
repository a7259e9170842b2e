import type { LocalAnswer } from '../http/answer.ts';
import { FieldList } from '../http/fields.ts';

/** The answer to `OPTIONS` whose `Max-Forwards` has run out here (RFC 9110, 9.3.7). */
export const OPTIONS_ANSWER: LocalAnswer = {
  status: 200,
  grpcStatus: 0,
  code: null,
  fields: new FieldList().add('allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'),
  body: '',
};
