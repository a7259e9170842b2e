import { isDeepStrictEqual } from 'node:util';
import type { FailureCode } from '../base/failure.ts';
import type { LocalAnswer } from '../http/answer.ts';
import { FieldList } from '../http/fields.ts';
import type { RequestHead } from '../http/head.ts';
import { isSafe } from '../policy/classify.ts';
import type { FallbackKind, FallbackOptions, StaleOptions, StaticAnswerOptions } from '../policy/fallback.ts';
import type { Fallback, FallbackCounts, Plan } from './plan.ts';
import { NO_STALE, type StaleAnswers, StaleCache } from './stale-cache.ts';

/** Where another upstream is looked up: it may be configured anew at any time. */
export type FindPlan = (upstream: string) => Plan | null;

/** What an upstream has in place of failures. The kinds are asked best first. */
export class Fallbacks implements Fallback {
  readonly stale: StaleAnswers;
  readonly counts: FallbackCounts;
  private readonly codes: ReadonlySet<FailureCode>;
  private readonly ofRequests: LocalAnswer | null;
  private readonly ofCalls: LocalAnswer | null;
  private readonly anyMethod: boolean;

  /** What it kept goes on being kept under the same options. */
  constructor(
    private readonly options: FallbackOptions,
    private readonly findPlan: FindPlan,
    before: Fallback | null = null,
    part = '',
  ) {
    const { codes, stale, answer } = options;
    this.codes = new Set(codes);
    this.counts = before instanceof Fallbacks ? before.counts : { cluster: 0, stale: 0, static: 0 };
    const cache = stale === null ? NO_STALE : (keptIn(before, stale) ?? new StaleCache(stale));
    this.stale = cache.within(part);
    this.ofRequests = answer === null ? null : requestAnswer(answer);
    this.ofCalls = answer === null || answer.grpcStatus < 0 ? null : callAnswer(answer);
    this.anyMethod = answer?.anyMethod ?? false;
  }

  within(part: string, mayMove: boolean): Fallback {
    const { options, findPlan } = this;
    const isSame = (mayMove || options.upstream === null) && (part === '' || this.stale === NO_STALE);
    return isSame ? this : new Fallbacks(mayMove ? options : { ...options, upstream: null }, findPlan, this, part);
  }

  covers(code: FailureCode): boolean {
    return this.codes.has(code);
  }

  coversStatus(status: number): boolean {
    return status >= 400 && this.options.statuses.includes(status);
  }

  choose(head: RequestHead, isGrpc: boolean, mayMove: boolean, now: number): FallbackKind | null {
    if (head.upgrade !== null) return null;
    if (mayMove && this.takes(head, isGrpc)) return 'cluster';
    if (!isGrpc && this.stale.has(head, now)) return 'stale';
    return this.answer(isGrpc) !== null && (isGrpc || this.anyMethod || isSafe(head.method)) ? 'static' : null;
  }

  answer(isGrpc: boolean): LocalAnswer | null {
    return isGrpc ? this.ofCalls : this.ofRequests;
  }

  /** A write to a range that moves has to be made at both of its places, which is begun before an exchange is. */
  private takes({ method }: RequestHead, isGrpc: boolean): boolean {
    const other = this.other();
    return other !== null && ((isSafe(method) && !isGrpc) || !isMoving(other));
  }

  other(): Plan | null {
    const { upstream } = this.options;
    return upstream === null ? null : this.findPlan(upstream);
  }
}

function isMoving({ spreader }: Plan): boolean {
  return spreader !== null && [...spreader.ledgers].length > 0;
}

function keptIn(before: Fallback | null, options: StaleOptions): StaleCache | null {
  const kept = before?.stale;
  return kept instanceof StaleCache && isDeepStrictEqual(kept.options, options) ? kept : null;
}

function requestAnswer({ status, contentType, fields, body }: StaticAnswerOptions): LocalAnswer {
  const lines = new FieldList();
  if (body !== '') lines.add('content-type', contentType);
  for (const [name, value] of Object.entries(fields)) lines.add(name, value);
  return { status, grpcStatus: 0, code: null, fields: lines, body };
}

/** A call's messages cannot be written by hand, so that its status is all there is to say. */
function callAnswer({ grpcStatus, fields }: StaticAnswerOptions): LocalAnswer {
  const lines = new FieldList();
  for (const [name, value] of Object.entries(fields)) lines.add(name, value);
  return {
    status: 200,
    grpcStatus,
    code: null,
    fields: lines,
    body: 'remora: a fallback, not an answer of the service',
  };
}
