import { ownText } from '../base/own-text.ts';
import type { Fields } from '../http/fields.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { isSafe } from '../policy/classify.ts';

/**
 * What RFC 9111 and RFC 5861 say of answers that are only ever used when there is no other: which may be kept, for how
 * long, and for whom. Where they leave it open the answer is not kept.
 */

/** More fields than this in Vary make an answer one request's own. */
const MAX_VARY = 8;

/** A field the answer depends on, with what its request had there. */
export interface VaryField {
  readonly name: string;
  readonly value: string | null;
}

/**
 * May its answer be kept, and a kept one be its answer? Only plain reads; with credentials only where that is allowed.
 */
export function mayBeKeptFor(request: RequestHead, withCredentials: boolean): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  if (request.body !== 'none' || request.upgrade !== null || request.count('range') > 0) return false;
  if (!withCredentials && (request.count('authorization') > 0 || request.count('cookie') > 0)) return false;
  const asked = request.get('cache-control');
  return asked === null || !(hasDirective(asked, 'no-store') || hasDirective(asked, 'no-cache'));
}

/** What was kept of the target is true no more: it was written to (RFC 9111, 4.4), or is gone. */
export function unmakes({ method }: RequestHead, { status }: ResponseHead): boolean {
  return isSafe(method) ? status === 404 || status === 410 : status >= 200 && status < 400;
}

/** For how many ms from now the answer may stand in for later ones; 0: it may not be kept at all. */
export function usableMs(answer: ResponseHead, maxAgeMs: number): number {
  if (answer.status !== 200 || answer.count('set-cookie') > 0 || answer.count('content-range') > 0) return 0;
  const said = answer.get('cache-control');
  if (said === null) return maxAgeMs;
  if (FORBIDDING.some((name) => hasDirective(said, name))) return 0;
  const staleFor = secondsOf(said, 'stale-if-error');
  // Shared caches must not go beyond `s-maxage` (RFC 9111, 5.2.2.10) unless told for how long they may.
  if (staleFor < 0) return secondsOf(said, 's-maxage') < 0 ? maxAgeMs : 0;
  const freshFor = Math.max(0, secondsOf(said, 's-maxage'), secondsOf(said, 'max-age'));
  return Math.max(0, Math.min(maxAgeMs, (freshFor + staleFor - ageOf(answer)) * 1000));
}

const FORBIDDING = ['no-store', 'private', 'no-cache', 'must-revalidate', 'proxy-revalidate', 'must-understand'];

/** In seconds, as its endpoint or a cache before it says. */
export function ageOf(answer: Fields): number {
  const text = answer.get('age');
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** What another request must have alike; null: no other request is. */
export function varyOf(request: RequestHead, answer: Fields): readonly VaryField[] | null {
  const said = answer.get('vary');
  if (said === null) return [];
  const names = said.split(',').map((name) => name.trim().toLowerCase());
  if (names.includes('*') || names.length > MAX_VARY) return null;
  return names.filter((name) => name !== '').map((name) => ({ name: ownText(name), value: ownOf(request.get(name)) }));
}

function ownOf(value: string | null): string | null {
  return value === null ? null : ownText(value);
}

function hasDirective(text: string, name: string): boolean {
  return text.split(',').some((part) => part.split('=', 1)[0]!.trim().toLowerCase() === name);
}

/** -1 without it; what is no number says zero, which is the careful reading. */
function secondsOf(text: string, name: string): number {
  for (const part of text.split(',')) {
    const [key, value = ''] = part.split('=', 2);
    if (key!.trim().toLowerCase() !== name) continue;
    const digits = value.trim().replace(/^"(.*)"$/, '$1');
    return /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
  }
  return -1;
}
