import type { RetryOptions, TimeoutOptions } from '../../policy/options.ts';
import type { KeyOptions } from '../keys/options.ts';

/** What of a text is looked for. Texts are compared as they came, byte for byte. */
export type TextMatch =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex'; readonly value: string }
  | { readonly kind: 'present' };

/** One field, cookie or parameter of the query. One that is absent does not match; `isInverted`: that is what holds. */
export interface ValueMatch {
  /** Fields in lower case. */
  readonly name: string;
  readonly match: TextMatch;
  readonly isInverted: boolean;
}

/**
 * `prefix`: the path begins so. `segments`: it begins with these whole segments (`/a` is for `/a` and `/a/b`, and not
 * for `/ab`). `regex`: RE2 syntax, for the whole path. A path is compared without its query, as it came.
 */
export interface PathMatch {
  readonly kind: 'exact' | 'prefix' | 'segments' | 'regex';
  readonly value: string;
}

/** All that is said must hold. */
export interface RouteMatch {
  readonly path: PathMatch | null;
  /** Case-sensitive; empty: any. */
  readonly methods: readonly string[];
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  readonly cookies: readonly ValueMatch[];
  /** Calls of gRPC; a null part is any. */
  readonly grpc: { readonly service: string | null; readonly method: string | null } | null;
}

/** Where a share of the requests goes. */
export interface RouteTarget {
  /** The name of an upstream; configurations have one of each name that is meant. */
  readonly upstream: string;
  /** A name of that upstream's `subsets`; null: as the upstream has it. */
  readonly subset: string | null;
  /** Shares are weights over their sum; 0: none. */
  readonly weight: number;
  readonly request: FieldChanges;
  readonly response: FieldChanges;
}

/** Values may have variables; see `variables.ts`. Names in lower case. */
export interface FieldChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export const NO_CHANGES: FieldChanges = { set: [], add: [], remove: [] };

/** By which one client stays with one target of a split. `ttlMs` null: the cookie is read and never made. */
export type StickyOptions =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string; readonly ttlMs: number | null; readonly path: string };

export interface RewriteOptions {
  /** In place of the path, prefix or segments that the match names. */
  readonly prefix: string | null;
  /** The whole path, its query kept. */
  readonly path: string | null;
  /** RE2 syntax, all matches of it; `\1` .. `\9` are its groups. */
  readonly regex: { readonly pattern: string; readonly substitution: string } | null;
  /** In place of Host. */
  readonly host: string | null;
}

export interface MirrorOptions {
  readonly upstream: string;
  readonly subset: string | null;
  /** Of 10,000 requests. */
  readonly share: number;
}

export interface CorsOptions {
  /** Exact origins, or with one `*` in place of a label or a port; `*` alone: any. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposes: readonly string[];
  readonly maxAgeMs: number | null;
  readonly credentials: boolean;
}

export type RouteAction =
  | { readonly kind: 'forward'; readonly targets: readonly RouteTarget[]; readonly sticky: StickyOptions | null }
  | {
      readonly kind: 'redirect';
      readonly status: 301 | 302 | 303 | 307 | 308;
      readonly scheme: string | null;
      readonly host: string | null;
      readonly port: number | null;
      readonly path: string | null;
      /** As in `RewriteOptions`. */
      readonly prefix: string | null;
      readonly keepsQuery: boolean;
    }
  | {
      readonly kind: 'respond';
      readonly status: number;
      readonly grpcStatus: number;
      readonly body: string;
      readonly contentType: string;
    }
  /** 503 with `Retry-After`, for all but who is let through. */
  | { readonly kind: 'maintenance'; readonly retryAfterMs: number };

/** In place of the target upstream's own; absent parts are the upstream's. */
export interface RoutePolicy {
  readonly timeouts: Readonly<Partial<TimeoutOptions>>;
  readonly retry: Readonly<Partial<Omit<RetryOptions, 'budget' | 'maxConcurrent'>>>;
  /** Null: as the upstream has it. */
  readonly hash: readonly KeyOptions[] | null;
}

/**
 * One route: which requests, and what becomes of them. Routes lead to upstreams and never to other routes. Which of
 * several that match counts is their precedence (Gateway API, HTTPRoute): the more exact host, then the exact path, the
 * longer prefix, a method, more fields, more parameters; of equals the first by name.
 */
export interface RouteOptions {
  readonly name: string;
  /** `orders`, `*.shop.local`, `*`; a port in a Host does not count. Empty: any. */
  readonly hosts: readonly string[];
  /** Any of them; empty: every request. */
  readonly matches: readonly RouteMatch[];
  /** Only in sidecars of these services; empty: in all. Settled when the table is built. */
  readonly callers: readonly string[];
  /** Among the routes of a host lower ones come first, whatever they match; of equals the precedence decides. Mostly 0. */
  readonly order: number;
  readonly action: RouteAction;
  readonly rewrite: RewriteOptions | null;
  readonly request: FieldChanges;
  readonly response: FieldChanges;
  readonly mirrors: readonly MirrorOptions[];
  readonly cors: CorsOptions | null;
  readonly policy: RoutePolicy;
}
