import type { Random } from '../../base/random.ts';
import { type Hash64, hashText } from '../../cluster/hash.ts';
import type { RequestHead } from '../../http/head.ts';
import { randomHex } from '../../http/hex.ts';
import type { Routed } from '../../proxy/routed.ts';
import { attributesOf, CookieText, VALUE_DIGITS } from '../keys/cookie.ts';
import type { StickyOptions } from '../table/options.ts';

/** By what a client is known again, so that it stays with one target of a split. */
export interface StickyKey {
  /** False: there is nothing to know it by. */
  read(head: RequestHead, routed: Routed, into: Hash64): boolean;
}

/** Every request is a client of its own. */
export const NOT_STICKY: StickyKey = { read: () => false };

export function makeStickyKey(options: StickyOptions | null, random: Random): StickyKey {
  if (options === null) return NOT_STICKY;
  return options.kind === 'header' ? new StickyHeader(options.name) : new StickyCookie(options, random);
}

class StickyHeader implements StickyKey {
  constructor(private readonly name: string) {}

  read(head: RequestHead, _routed: Routed, into: Hash64): boolean {
    const value = head.get(this.name);
    if (value === null) return false;
    hashText(value, into);
    return true;
  }
}

/**
 * Its value is hashed and nothing else: a client that makes one up draws lots and never names a target. One that has
 * none is given one where there is a lifetime for it, with the answer, whichever that is.
 */
class StickyCookie implements StickyKey {
  private readonly text: CookieText;
  /** Null: it is read and never made. */
  private readonly attributes: string | null;

  constructor(
    private readonly options: Extract<StickyOptions, { readonly kind: 'cookie' }>,
    private readonly random: Random,
  ) {
    const { name, ttlMs, path } = options;
    this.text = new CookieText(name);
    this.attributes =
      ttlMs === null
        ? null
        : attributesOf({ ttlMs, path, httpOnly: true, secure: false, sameSite: null, domain: null });
  }

  read(head: RequestHead, routed: Routed, into: Hash64): boolean {
    const value = this.text.read(head) ?? this.make(routed);
    if (value === null) return false;
    hashText(value, into);
    return true;
  }

  private make(routed: Routed): string | null {
    if (this.attributes === null) return null;
    const value = randomHex(this.random, VALUE_DIGITS);
    routed.setCookie = `${this.options.name}=${value}${this.attributes}`;
    return value;
  }
}
