import type { AclResource } from './consul-api.ts';
import { ConsulError } from './consul-error.ts';

/** More in one question are refused. */
export const MAX_ASKED = 64;

const DENIAL = 'the token may not read';

/** Consul's answer to what a token may read, in the order of the question. Throws unless it is yes to all of it. */
export function decodeAllowed(body: unknown, asked: readonly AclResource[]): void {
  if (!Array.isArray(body) || body.length !== asked.length) {
    throw new ConsulError('the answer about the rights of the token is not one');
  }
  const denied = asked.find((_, i) => (body[i] as { readonly Allow?: unknown } | null)?.Allow !== true);
  if (denied === undefined) return;
  const { kind, name } = denied;
  throw new ConsulError(`${DENIAL} ${name === '' ? `every ${kind}` : `${kind} "${name}"`}`);
}

/** The token was asked about, and lacks a right. */
export function isDenial(error: unknown): boolean {
  return error instanceof ConsulError && error.message.startsWith(DENIAL);
}
