import type { RateOptions } from '../../policy/token-buckets.ts';

/** What of a request has a limit of its own. */
export type LimitKey =
  /** `name` in lower case. */
  | { readonly kind: 'header'; readonly name: string }
  /** The first is 1. */
  | { readonly kind: 'segment'; readonly number: number }
  | { readonly kind: 'caller' };

/** How often requests may come; see `RateLimits`. */
export interface RateLimitOptions extends RateOptions {
  /** Told to clients and in metrics; what was counted survives a change by it. */
  readonly name: string;
  readonly mode: 'observe' | 'enforce';
  /** What has a bucket of its own; null: all requests have one together. */
  readonly by: LimitKey | null;
  /** At most so many buckets. */
  readonly maxKeys: number;
  /** A pattern of `PathPattern`; null: all paths. */
  readonly path: string | null;
  /** Null: all. */
  readonly methods: readonly string[] | null;
  /** Which answers tell the client how it stands with the limit. */
  readonly tells: 'limited' | 'all';
}

/** A sidecar's callers are few; ten thousand are users. A bucket takes 40 bytes. */
export const DEFAULT_MAX_KEYS = 10_000;
