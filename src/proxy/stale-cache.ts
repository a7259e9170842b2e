import { ownText } from '../base/own-text.ts';
import type { Client } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import { FieldList } from '../http/fields.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { StaleOptions } from '../policy/fallback.ts';
import { ageOf, mayBeKeptFor, unmakes, usableMs, type VaryField, varyOf } from './cache-rules.ts';
import { Pieces } from './pieces.ts';

/** A copy of an answer in the making. */
export interface AnswerCopy {
  add(bytes: Buffer): void;
  /** The answer is whole. */
  finish(now: number): void;
  /** It never will be, or is finished: gives back what it holds. */
  drop(): void;
}

export const NO_COPY: AnswerCopy = { add: () => undefined, finish: () => undefined, drop: () => undefined };

/** Last good answers, for requests that get no other. */
export interface StaleAnswers {
  /** An answer begins; `NO_COPY` for one that is not kept. */
  copy(request: RequestHead, answer: ResponseHead, now: number): AnswerCopy;
  has(request: RequestHead, now: number): boolean;
  /** Only after `has`: answers the client, and says with how many bytes. */
  answer(request: RequestHead, client: Client, edits: Edits, now: number): number;
  /** The same for requests that are asked otherwise than their clients did, or of others; `''` is as they did. */
  within(part: string): StaleAnswers;
  readonly size: number;
  readonly bytes: number;
  readonly counts: Readonly<StaleCounts>;
}

/** `kept`, new or renewed; `evicted` to make room for others; `too_large` to be kept. */
export type StaleCounts = Record<'kept' | 'evicted' | 'too_large', number>;

export const NO_STALE: StaleAnswers = {
  copy: () => NO_COPY,
  has: () => false,
  answer: () => 0,
  within: () => NO_STALE,
  size: 0,
  bytes: 0,
  counts: { kept: 0, evicted: 0, too_large: 0 },
};

/** An answer that is asked for all the time is copied once in so long. */
const RENEW_MS = 1_000;

/** Of one target, in as many parts; the oldest makes room. */
const MAX_PARTS = 8;

/** What an entry takes beside its texts and bytes. */
const ENTRY_BYTES = 256;

/**
 * Keeps the last good answer to each GET, for the time when its endpoints have none. It never answers while they do: a
 * request comes here after everything else has failed.
 *
 * Answers are copied on their way to the client, so an upstream with this on pays a key and, once a second for each
 * target, a copy. Targets are forgotten oldest first when there are too many, or too many bytes of them; copies in the
 * making count. Of one target one variant is kept, the last, in each part: what routes make of one request may be
 * several, and the answer of one version is none of another's. What is written to a target by one is untrue in all.
 */
export class StaleCache implements StaleAnswers {
  readonly counts: StaleCounts = { kept: 0, evicted: 0, too_large: 0 };
  /** Of each target the newest, the others behind it. */
  private readonly entries = new Map<string, Entry>();
  private count = 0;
  private used = 0;

  constructor(readonly options: StaleOptions) {}

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return this.used;
  }

  within(part: string): StaleAnswers {
    return part === '' ? this : new StalePart(this, part);
  }

  copy(request: RequestHead, answer: ResponseHead, now: number, part = ''): AnswerCopy {
    const { maxBodyBytes, maxAgeMs, credentials } = this.options;
    if (unmakes(request, answer)) return this.forget(this.keyOf(request));
    if (request.method !== 'GET' || answer.status !== 200 || !mayBeKeptFor(request, credentials)) return NO_COPY;
    const key = this.keyOf(request);
    const known = this.inPart(key, part);
    if (known?.fits(request) && now - known.storedAt < RENEW_MS) return NO_COPY;
    const ms = usableMs(answer, maxAgeMs);
    const vary = ms > 0 ? varyOf(request, answer) : null;
    if (vary === null) return this.forgetIn(key, part);
    // It ends as it would if its endpoint died over it, which is when it would be wanted.
    if (answer.body === 'until_close') return this.forgetIn(key, part);
    if (answer.body === 'length' && answer.contentLength > maxBodyBytes) return this.tooLarge();
    return new Copy(this, new Entry(ownText(key), part, new KeptHead(answer), vary, ageOf(answer), now, now + ms));
  }

  has(request: RequestHead, now: number, part = ''): boolean {
    return mayBeKeptFor(request, this.options.credentials) && this.find(request, now, part) !== null;
  }

  answer(request: RequestHead, client: Client, edits: Edits, now: number, part = ''): number {
    const { head, body, ageSeconds, storedAt } = this.find(request, now, part)!;
    edits.append('age', String(ageSeconds + Math.floor((now - storedAt) / 1000)));
    const isHead = request.method === 'HEAD';
    client.sendHead(isHead ? head.without() : head, edits);
    if (!isHead && body.length > 0) client.sendBody(body);
    client.sendEnd(null);
    return isHead ? 0 : body.length;
  }

  // --- From copies ---

  /** Room for so many bytes more of a copy whose body has `length` then; false when there cannot be. */
  reserve(bytes: number, length: number): boolean {
    const { maxBytes, maxBodyBytes } = this.options;
    if (length > maxBodyBytes) return false;
    while (this.used + bytes > maxBytes && this.evictOldest());
    if (this.used + bytes > maxBytes) return false;
    this.used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.used -= bytes;
  }

  tooLarge(): AnswerCopy {
    this.counts.too_large += 1;
    return NO_COPY;
  }

  /** Its bytes are reserved. The newest is the last to be forgotten. */
  put(entry: Entry): void {
    const { key, part } = entry;
    const known = this.inPart(key, part);
    // Two answers may overtake each other on their way.
    if (known !== null && known.storedAt > entry.storedAt) return this.release(entry.bytes);
    this.forgetIn(key, part);
    entry.older = this.entries.get(key) ?? null;
    this.entries.delete(key);
    this.entries.set(key, entry);
    this.count += 1;
    this.counts.kept += 1;
    this.limitParts(entry);
    while (this.count > this.options.maxEntries && this.evictOldest());
  }

  private limitParts(newest: Entry): void {
    let last = newest;
    for (let parts = 1; parts < MAX_PARTS && last.older !== null; parts++) last = last.older;
    for (let old = last.older; old !== null; old = old.older) {
      this.letGo(old);
      this.counts.evicted += 1;
    }
    last.older = null;
  }

  private find(request: RequestHead, now: number, part: string): Entry | null {
    const key = this.keyOf(request);
    const entry = this.inPart(key, part);
    if (entry === null || !entry.fits(request)) return null;
    if (now < entry.usableUntil) return entry;
    this.forgetIn(key, part);
    return null;
  }

  private inPart(key: string, part: string): Entry | null {
    let entry = this.entries.get(key) ?? null;
    while (entry !== null && entry.part !== part) entry = entry.older;
    return entry;
  }

  /** What has been written to is another in every part. */
  private forget(key: string): AnswerCopy {
    for (let entry = this.entries.get(key) ?? null; entry !== null; entry = entry.older) this.letGo(entry);
    this.entries.delete(key);
    return NO_COPY;
  }

  /** An answer that may not be kept makes the one before it untrue. */
  private forgetIn(key: string, part: string): AnswerCopy {
    const known = this.inPart(key, part);
    if (known === null) return NO_COPY;
    this.letGo(known);
    const newest = this.entries.get(key)!;
    if (newest === known) {
      if (known.older === null) this.entries.delete(key);
      else this.entries.set(key, known.older);
      return NO_COPY;
    }
    let newer = newest;
    while (newer.older !== known) newer = newer.older!;
    newer.older = known.older;
    return NO_COPY;
  }

  /** Of the target that is the oldest, the oldest part. False: there is nothing. */
  private evictOldest(): boolean {
    for (const [key, newest] of this.entries) {
      let oldest = newest;
      while (oldest.older !== null) oldest = oldest.older;
      this.forgetIn(key, oldest.part);
      this.counts.evicted += 1;
      return true;
    }
    return false;
  }

  private letGo(entry: Entry): void {
    this.used -= entry.bytes;
    this.count -= 1;
  }

  /** Blanks cannot be in any of its parts but the last two, which are there only where credentials may be. */
  private keyOf(request: RequestHead): string {
    const target = `${request.scheme} ${request.authority} ${request.path}`;
    if (!this.options.credentials) return target;
    return `${target}\n${request.get('authorization') ?? ''}\n${request.get('cookie') ?? ''}`;
  }
}

/** The answers of one part, by the same rules and in the same room. */
class StalePart implements StaleAnswers {
  constructor(
    private readonly cache: StaleCache,
    private readonly part: string,
  ) {}

  get size(): number {
    return this.cache.size;
  }

  get bytes(): number {
    return this.cache.bytes;
  }

  get counts(): Readonly<StaleCounts> {
    return this.cache.counts;
  }

  within(part: string): StaleAnswers {
    return this.cache.within(part);
  }

  copy(request: RequestHead, answer: ResponseHead, now: number): AnswerCopy {
    return this.cache.copy(request, answer, now, this.part);
  }

  has(request: RequestHead, now: number): boolean {
    return this.cache.has(request, now, this.part);
  }

  answer(request: RequestHead, client: Client, edits: Edits, now: number): number {
    return this.cache.answer(request, client, edits, now, this.part);
  }
}

class Entry {
  body: Buffer = Buffer.alloc(0);
  bytes: number;
  /** Of the same target in another part. */
  older: Entry | null = null;

  constructor(
    readonly key: string,
    readonly part: string,
    readonly head: KeptHead,
    private readonly vary: readonly VaryField[],
    /** Of the answer when it came. */
    readonly ageSeconds: number,
    readonly storedAt: number,
    readonly usableUntil: number,
  ) {
    this.bytes = ENTRY_BYTES + key.length + part.length + head.textLength;
  }

  fits(request: RequestHead): boolean {
    return this.vary.every(({ name, value }) => request.get(name) === value);
  }
}

/** One answer on its way into the cache. It has reserved what it holds. */
class Copy implements AnswerCopy {
  private readonly pieces = new Pieces();
  private reserved = 0;
  private isOpen = true;

  constructor(
    private readonly cache: StaleCache,
    private readonly entry: Entry,
  ) {
    this.take(entry.bytes, 0);
  }

  add(bytes: Buffer): void {
    if (this.isOpen && this.take(bytes.length, this.pieces.size + bytes.length)) this.pieces.add(bytes);
  }

  finish(now: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { entry, cache } = this;
    if (now >= entry.usableUntil) return cache.release(this.reserved);
    entry.body = this.pieces.join();
    entry.bytes = this.reserved;
    entry.head.measure(entry.body.length);
    cache.put(entry);
  }

  drop(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.pieces.clear();
    this.cache.release(this.reserved);
  }

  private take(bytes: number, length: number): boolean {
    if (this.cache.reserve(bytes, length)) {
      this.reserved += bytes;
      return true;
    }
    this.drop();
    this.cache.tooLarge();
    return false;
  }
}

/**
 * What belonged to the message as it went by: its framing, its connection, its age, and what this sidecar adds itself.
 */
const PASSING: ReadonlySet<string> = new Set([
  'age',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

class KeptHead extends FieldList implements ResponseHead {
  readonly status = 200;
  readonly body: 'length' | 'none' = 'length';
  contentLength = -1;
  textLength = 0;

  constructor(answer: ResponseHead | null) {
    super();
    if (answer === null) return;
    const named = (answer.get('connection') ?? '').toLowerCase().split(/[\s,]+/);
    answer.forEach((name, value) => {
      if (PASSING.has(name) || name.startsWith('x-remora-') || named.includes(name)) return;
      this.add(ownText(name), ownText(value));
      this.textLength += name.length + value.length;
    });
  }

  measure(bytes: number): void {
    this.contentLength = bytes;
  }

  /** The same for a HEAD: it says how long the body would be. */
  without(): ResponseHead {
    const head = new BodilessHead(null);
    this.forEach((name, value) => head.add(name, value));
    head.add('content-length', String(this.contentLength));
    return head;
  }
}

class BodilessHead extends KeptHead {
  override readonly body = 'none';
}
