import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from '@opentelemetry/semantic-conventions';
import type { FailureCode } from '../base/failure.ts';
import type { RequestHead } from '../http/head.ts';
import { safeText } from './safe-text.ts';

/** RFC 9110, PATCH (RFC 5789) and QUERY: the methods the conventions know. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(
  'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY'.split(' '),
);

const MAX_METHOD = 32;
export const MAX_AUTHORITY = 256;

/** Spans are named for the method; never for the path, which has no bound on its values. */
export function spanName(method: string): string {
  return KNOWN_METHODS.has(method) ? method : 'HTTP';
}

export function addMethod(attributes: Attributes, method: string): void {
  if (KNOWN_METHODS.has(method)) {
    attributes[ATTR_HTTP_REQUEST_METHOD] = method;
  } else {
    attributes[ATTR_HTTP_REQUEST_METHOD] = '_OTHER';
    attributes[ATTR_HTTP_REQUEST_METHOD_ORIGINAL] = safeText(method, MAX_METHOD);
  }
}

/** Whom the client meant: the authority it named, not the endpoint that was chosen. */
export function addAuthority(attributes: Attributes, head: RequestHead, fallback: string): void {
  const authority = safeText(head.authority === '' ? fallback : head.authority, MAX_AUTHORITY);
  const { host, port } = splitAuthority(authority);
  attributes[ATTR_SERVER_ADDRESS] = host;
  attributes[ATTR_SERVER_PORT] = port ?? (head.scheme === 'https' ? 443 : 80);
}

/** The failure's code tells more than the status it led to. */
export function addResult(attributes: Attributes, status: number, code: FailureCode | null, isError: boolean): void {
  if (status !== 0) attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] = status;
  if (code !== null) attributes[ATTR_ERROR_TYPE] = code;
  else if (isError) attributes[ATTR_ERROR_TYPE] = String(status);
}

/** `host`, `host:port`, `[v6]` or `[v6]:port`; already known to be well-formed. */
function splitAuthority(authority: string): { readonly host: string; readonly port: number | null } {
  const colon = authority.lastIndexOf(':');
  const end = colon > authority.lastIndexOf(']') ? colon : authority.length;
  const host = authority.slice(0, end).replace(/^\[|\]$/g, '');
  const port = authority.slice(end + 1);
  return { host, port: port === '' ? null : Number(port) };
}
