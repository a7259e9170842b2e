import { failureAnswer } from '../../http/answer.ts';
import { FieldList } from '../../http/fields.ts';
import type { RouteAnswer } from '../../proxy/route-effects.ts';
import type { RouteAction } from '../table/options.ts';

/** An answer that was written by hand. The body is a call's message, whose own messages nobody can write so. */
export function respondAnswer(action: Extract<RouteAction, { readonly kind: 'respond' }>): RouteAnswer {
  const { status, grpcStatus, body, contentType } = action;
  const fields = new FieldList();
  if (body !== '') fields.add('content-type', contentType);
  return { kind: 'respond', status, grpcStatus, code: null, fields, body };
}

/** The failure that it is, for logs, metrics and clients; when to come again is told per request. */
export const MAINTENANCE_ANSWER: RouteAnswer = { ...failureAnswer('maintenance'), kind: 'maintenance' };
