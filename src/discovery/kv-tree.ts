import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { Cell, type Watch } from '../base/watch.ts';
import { BlockingQuery, type PollAnswer, type PollFetch } from './blocking-query.ts';
import type { ConsulApi } from './consul-api.ts';
import { ConsulError } from './consul-error.ts';
import type { KvDocument } from './kv.ts';
import { KvRights } from './kv-rights.ts';

/** What exists below a prefix, as far as it is of interest. Sorted by key; a key that is not here does not exist. */
export interface KvDocuments {
  readonly documents: readonly KvDocument[];
  /** Documents that exist and were left out, since all together were too large. */
  readonly omitted: number;
}

/** A part of a tree that a token may be let list, or read, where it may not list the whole. */
export type KvPart =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'tree'; readonly prefix: string };

export interface KvTreeOptions {
  readonly prefix: string;
  /** Keys that it does not keep are dropped unread. */
  keeps(key: string): boolean;
  /** All that is kept lies in one of these. Empty: there is no narrower way to ask. */
  readonly parts: readonly KvPart[];
  /** Keys that the token has to be allowed to read, or an answer without them is no proof that they do not exist. */
  readonly needs?: readonly string[];
  readonly waitMs?: number;
}

/** Of one prefix; what is beyond is left out, the last keys first. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
/**
 * A prefix under which nothing exists has the index of the whole store, and every write of anybody ends a wait for it. So
 * it is not waited for: it is looked at this often.
 */
const EMPTY_PAUSE_MS = 5_000;
/** In a storm of writes each is heard of within this, so that it reaches traffic within a second like any other. */
const PACE_MS = 500;

type Api = Pick<ConsulApi, 'kv' | 'kvTree' | 'hasNewToken' | 'checkRights'>;

interface Found extends PollAnswer {
  readonly documents: readonly KvDocument[];
}

/**
 * All documents below one prefix of Consul's KV store, by one recursive blocking query through the leader.
 *
 * What the token may not read is missing from the answer without a word, so that one query serves whoever may read but
 * a few keys. Where lists need a right of their own (`acl.enable_key_list_policy`) the whole is refused, and the parts
 * are followed instead, each by a query of its own. Answers that bring nothing new among what is kept are no news,
 * whatever index they have.
 */
export class KvTree {
  constructor(
    private readonly api: Api,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Until the signal aborts. Errors leave the last documents standing and say so in `problem`. */
  follow(options: KvTreeOptions, signal: AbortSignal): Watch<KvDocuments> {
    const cell = new Cell<KvDocuments>(this.clock);
    const whole: KvPart = { kind: 'tree', prefix: options.prefix };
    const ends = new AbortController();
    const goNarrow = (): void => {
      ends.abort();
      this.start(options.parts, options, cell, signal);
    };
    signal.addEventListener('abort', () => ends.abort(), { once: true });
    this.start([whole], options, cell, ends.signal, options.parts.length === 0 ? null : goNarrow);
    return cell;
  }

  private start(
    parts: readonly KvPart[],
    options: KvTreeOptions,
    cell: Cell<KvDocuments>,
    signal: AbortSignal,
    onDenied: (() => void) | null = null,
  ): void {
    const gathered = new Gathered(parts.length, options, cell);
    // Where parts are asked for, each is refused by itself.
    const needs = parts.length === 1 ? (options.needs ?? []) : [];
    const rights = new KvRights(this.api, this.clock, needs, (problem) => gathered.doubt(problem));
    for (const [index, part] of parts.entries()) {
      const poll = new BlockingQuery<Found>(
        this.fetchOf(part, options.keeps, onDenied),
        {
          onAnswer: ({ documents }) => {
            gathered.take(index, documents);
            void rights.look(signal);
          },
          onUnchanged: () => {
            gathered.confirm(index);
            void rights.look(signal);
          },
          onPollProblem: (problem) => gathered.fail(index, problem),
        },
        this.clock,
        this.random,
        (sinceMs) => this.api.hasNewToken(sinceMs),
        options.waitMs,
        PACE_MS,
      );
      void poll.run(signal);
    }
  }

  private fetchOf(part: KvPart, keeps: KvTreeOptions['keeps'], onDenied: (() => void) | null): PollFetch<Found> {
    let isEmpty = false;
    return async ({ index, waitMs, timeoutMs }, signal) => {
      if (isEmpty) await sleep(this.clock, EMPTY_PAUSE_MS, signal);
      if (signal.aborted) throw new ConsulError('cancelled');
      // An index of before the pause may be one that this Consul has yet to reach.
      const read = isEmpty ? { index: 0n, waitMs: 0, timeoutMs } : { index, waitMs, timeoutMs };
      try {
        const found = await this.ask(part, keeps, { ...read, mode: 'leader' }, signal);
        isEmpty = found.documents.length === 0;
        return found;
      } catch (error) {
        if (onDenied !== null && !signal.aborted && isDenied(error)) onDenied();
        throw error;
      }
    };
  }

  private async ask(
    part: KvPart,
    keeps: KvTreeOptions['keeps'],
    read: Parameters<Api['kvTree']>[1],
    signal: AbortSignal,
  ): Promise<Found> {
    if (part.kind === 'tree') {
      const { value, index, print } = await this.api.kvTree(part.prefix, read, signal, keeps);
      return { documents: value, index, print };
    }
    const { value, index, print } = await this.api.kv(part.key, read, signal);
    return { documents: value.text === null ? [] : [value], index, print };
  }
}

/** The answers of all parts as one. Nothing is published before each of them has answered once. */
class Gathered {
  private readonly answers: (readonly KvDocument[] | null)[];
  private readonly problems: (string | null)[];
  /** Of all of them: what they say may not be all. */
  private doubts: string | null = null;

  constructor(
    count: number,
    private readonly options: KvTreeOptions,
    private readonly cell: Cell<KvDocuments>,
  ) {
    this.answers = new Array<null>(count).fill(null);
    this.problems = new Array<null>(count).fill(null);
  }

  take(part: number, documents: readonly KvDocument[]): void {
    this.answers[part] = documents.filter(({ key }) => this.options.keeps(key));
    this.problems[part] = null;
    if (this.answers.includes(null)) return;
    const kept = bounded(this.answers.flatMap((some) => some ?? []));
    if (!isSame(kept, this.cell.value)) this.cell.set(kept);
    this.judge();
  }

  confirm(part: number): void {
    this.problems[part] = null;
    this.judge();
  }

  doubt(problem: string | null): void {
    this.doubts = problem;
    if (!this.answers.includes(null)) this.judge();
  }

  fail(part: number, problem: string): void {
    this.problems[part] = problem;
    this.cell.fail(problem);
  }

  private judge(): void {
    const problem = this.problems.find((one) => one !== null) ?? this.doubts;
    const omitted = this.cell.value?.omitted ?? 0;
    if (problem !== null) return this.cell.fail(problem);
    this.cell.confirm();
    if (omitted > 0) {
      this.cell.fail(`${omitted} documents are left out: all together have more than ${MAX_CHARACTERS} characters`);
    }
  }
}

/** Indexes begin anew in a Consul that lost its data, so an equal revision may be another document. */
function isSame(a: KvDocuments, b: KvDocuments | null): boolean {
  return (
    a.omitted === b?.omitted &&
    a.documents.length === b.documents.length &&
    a.documents.every(({ key, revision, text }, at) => {
      const other = b.documents[at]!;
      return key === other.key && revision === other.revision && text === other.text;
    })
  );
}

function bounded(documents: readonly KvDocument[]): KvDocuments {
  const sorted = documents.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  let left = MAX_CHARACTERS;
  const kept = sorted.filter(({ text }) => (left -= text?.length ?? 0) >= 0);
  return { documents: kept, omitted: sorted.length - kept.length };
}

/** The token is good, and may not do this. One that nobody knows may not do anything narrower either. */
function isDenied(error: unknown): boolean {
  return error instanceof ConsulError && error.status === 403 && /permission denied/i.test(error.message);
}
