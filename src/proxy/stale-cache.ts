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
  size: 0,
  bytes: 0,
  counts: { kept: 0, evicted: 0, too_large: 0 },
};

/** An answer that is asked for all the time is copied once in so long. */
const RENEW_MS = 1_000;

/** What an entry takes beside its texts and bytes. */
const ENTRY_BYTES = 256;

/**
 * Keeps the last good answer to each GET, for the time when its endpoints have none. It never answers while they do: a
 * request comes here after everything else has failed.
 *
 * Answers are copied on their way to the client, so an upstream with this on pays a key and, once a second for each
 * target, a copy. Targets are forgotten oldest first when there are too many, or too many bytes of them; copies in the
 * making count. Of one target one variant is kept, the last.
 */
export class StaleCache implements StaleAnswers {
  readonly counts: StaleCounts = { kept: 0, evicted: 0, too_large: 0 };
  private readonly entries = new Map<string, Entry>();
  private used = 0;

  constructor(readonly options: StaleOptions) {}

  get size(): number {
    return this.entries.size;
  }

  get bytes(): number {
    return this.used;
  }

  copy(request: RequestHead, answer: ResponseHead, now: number): AnswerCopy {
    const { maxBodyBytes, maxAgeMs, credentials } = this.options;
    if (unmakes(request, answer)) return this.forget(this.keyOf(request));
    if (request.method !== 'GET' || answer.status !== 200 || !mayBeKeptFor(request, credentials)) return NO_COPY;
    const key = this.keyOf(request);
    const known = this.entries.get(key);
    if (known?.fits(request) && now - known.storedAt < RENEW_MS) return NO_COPY;
    const ms = usableMs(answer, maxAgeMs);
    const vary = ms > 0 ? varyOf(request, answer) : null;
    if (vary === null) return this.forget(key);
    // It ends as it would if its endpoint died over it, which is when it would be wanted.
    if (answer.body === 'until_close') return this.forget(key);
    if (answer.body === 'length' && answer.contentLength > maxBodyBytes) return this.tooLarge();
    return new Copy(this, new Entry(ownText(key), new KeptHead(answer), vary, ageOf(answer), now, now + ms));
  }

  has(request: RequestHead, now: number): boolean {
    return mayBeKeptFor(request, this.options.credentials) && this.find(request, now) !== null;
  }

  answer(request: RequestHead, client: Client, edits: Edits, now: number): number {
    const { head, body, ageSeconds, storedAt } = this.find(request, now)!;
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
    for (const [key, entry] of this.entries) {
      if (this.used + bytes <= maxBytes) break;
      this.remove(key, entry);
      this.counts.evicted += 1;
    }
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
    const { key } = entry;
    const known = this.entries.get(key);
    // Two answers may overtake each other on their way.
    if (known !== undefined && known.storedAt > entry.storedAt) return this.release(entry.bytes);
    this.forget(key);
    this.entries.set(key, entry);
    this.counts.kept += 1;
    for (const [oldest, old] of this.entries) {
      if (this.entries.size <= this.options.maxEntries) break;
      this.remove(oldest, old);
      this.counts.evicted += 1;
    }
  }

  private find(request: RequestHead, now: number): Entry | null {
    const key = this.keyOf(request);
    const entry = this.entries.get(key);
    if (entry === undefined || !entry.fits(request)) return null;
    if (now < entry.usableUntil) return entry;
    this.remove(key, entry);
    return null;
  }

  /** An answer that may not be kept makes the one before it untrue. */
  private forget(key: string): AnswerCopy {
    const known = this.entries.get(key);
    if (known !== undefined) this.remove(key, known);
    return NO_COPY;
  }

  private remove(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.used -= entry.bytes;
  }

  /** Blanks cannot be in any of its parts but the last two, which are there only where credentials may be. */
  private keyOf(request: RequestHead): string {
    const target = `${request.scheme} ${request.authority} ${request.path}`;
    if (!this.options.credentials) return target;
    return `${target}\n${request.get('authorization') ?? ''}\n${request.get('cookie') ?? ''}`;
  }
}

class Entry {
  body: Buffer = Buffer.alloc(0);
  bytes: number;

  constructor(
    readonly key: string,
    readonly head: KeptHead,
    private readonly vary: readonly VaryField[],
    /** Of the answer when it came. */
    readonly ageSeconds: number,
    readonly storedAt: number,
    readonly usableUntil: number,
  ) {
    this.bytes = ENTRY_BYTES + key.length + head.textLength;
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
