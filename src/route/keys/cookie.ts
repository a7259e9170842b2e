import type { Random } from '../../base/random.ts';
import { hashText } from '../../cluster/hash.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import { randomHex } from '../../http/hex.ts';
import type { Placed } from '../../proxy/placement.ts';
import type { HashKey } from '../hash-key.ts';
import type { MadeCookie } from './options.ts';
import type { KeyText } from './text.ts';

/** 128 bits: no two clients ever draw the same. */
export const VALUE_DIGITS = 32;

/** The value of the first cookie of a name; an empty one is none. */
export class CookieText implements KeyText {
  constructor(private readonly name: string) {}

  read(head: RequestHead | null): string | null {
    const line = head === null ? null : head.get('cookie');
    if (line === null) return null;
    return head!.count('cookie') === 1 ? cookieIn(line, this.name) : this.readLines(head!);
  }

  /** HTTP/1.1 knows one line of cookies. More are read one by one, since a comma divides no cookies. */
  private readLines(head: RequestHead): string | null {
    let found: string | null = null;
    head.forEach((field, value) => {
      if (field === 'cookie') found ??= cookieIn(value, this.name);
    });
    return found;
  }
}

/**
 * A cookie that a client without it is given: drawn, hashed as if it had come, and sent with the endpoint's answer,
 * whichever attempt that is of.
 *
 * The value is only ever hashed, so a client that makes one up draws lots among endpoints and never names one, and no
 * secret is needed to keep it honest.
 */
export class MadeCookieKey implements HashKey {
  private readonly text: CookieText;
  private readonly attributes: string;

  constructor(
    private readonly name: string,
    made: MadeCookie,
    private readonly random: Random,
  ) {
    this.text = new CookieText(name);
    this.attributes = attributesOf(made);
  }

  hash(head: RequestHead | null, _peer: Peer, into: Placed): boolean {
    if (head === null) return false;
    hashText(this.text.read(head) ?? this.make(into), into);
    return true;
  }

  private make(into: Placed): string {
    const value = randomHex(this.random, VALUE_DIGITS);
    into.setCookie = `${this.name}=${value}${this.attributes}`;
    into.isMarked = true;
    return value;
  }
}

export function attributesOf({ ttlMs, path, httpOnly, secure, sameSite, domain }: MadeCookie): string {
  // A client is told whole seconds, and 0 would mean to forget it at once.
  const maxAge = ttlMs === 0 ? '' : `; Max-Age=${Math.ceil(ttlMs / 1000)}`;
  const where = `; Path=${path}${domain === null ? '' : `; Domain=${domain}`}`;
  const rights = `${httpOnly ? '; HttpOnly' : ''}${secure ? '; Secure' : ''}`;
  return `${maxAge}${where}${rights}${sameSite === null ? '' : `; SameSite=${sameSite}`}`;
}

/** In one line. Quotes around a value are none of it. */
export function cookieIn(line: string, name: string): string | null {
  for (let at = 0; at < line.length; ) {
    const semicolon = line.indexOf(';', at);
    const end = semicolon === -1 ? line.length : semicolon;
    while (isBlank(line, at)) at++;
    if (line.startsWith(name, at) && line[at + name.length] === '=') {
      const value = trimmed(line, at + name.length + 1, end);
      return value === '' ? null : value;
    }
    at = end + 1;
  }
  return null;
}

function trimmed(line: string, start: number, end: number): string {
  while (start < end && isBlank(line, start)) start++;
  while (end > start && isBlank(line, end - 1)) end--;
  const isQuoted = end - start >= 2 && line[start] === '"' && line[end - 1] === '"';
  return isQuoted ? line.slice(start + 1, end - 1) : line.slice(start, end);
}

function isBlank(line: string, at: number): boolean {
  return line[at] === ' ' || line[at] === '\t';
}
