/**
 * Fields that a route may not touch: framing and hop-by-hop ones are each connection's own business, Host is said by
 * `rewrite.host`, and from the others this program and gRPC read what a request is and how it went.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-message',
  'grpc-previous-rpc-attempts',
  'grpc-status',
  'grpc-timeout',
  'host',
  'http2-settings',
  'keep-alive',
  'max-forwards',
  'proxy-connection',
  'proxy-status',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

const OWN_PREFIX = 'x-remora-';
const MAX_NAME = 128;
/** RFC 9110, 5.6.2, in lower case. */
const NAME_CHARACTERS = new Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

/** May a route set, add or remove the field of this name? Names in lower case; pseudo-fields are none. */
export function isSettable(name: string): boolean {
  return isFieldName(name) && !RESERVED.has(name) && !name.startsWith(OWN_PREFIX);
}

/** Is it the name of a field at all, in lower case? */
export function isFieldName(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME && [...name].every((character) => NAME_CHARACTERS.has(character));
}
