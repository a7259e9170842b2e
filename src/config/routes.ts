import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type {
  CorsOptions,
  FieldChanges,
  MirrorOptions,
  PathMatch,
  RewriteOptions,
  RouteAction,
  RouteMatch,
  RouteOptions,
  RoutePolicy,
  RouteTarget,
  StickyOptions,
  TextMatch,
  ValueMatch,
} from '../route/table/options.ts';
import { NO_CHANGES } from '../route/table/options.ts';
import { buildHash } from './hash.ts';
import type { WrittenChanges } from './sections/routes/fields.ts';
import type { WrittenCondition, WrittenMatch } from './sections/routes/match.ts';
import type { WrittenRoute } from './sections/routes/routes.ts';
import type { WrittenMirror, WrittenSticky, WrittenTarget } from './sections/routes/targets.ts';

/** A hundredth of a percent is one of these. */
const SHARES_PER_PERCENT = 100;

/**
 * Routes from the words of the file to those of the program, sorted by name. `own`: the upstream that they are of, for
 * targets that name none; null for those of the shared port, whose targets all do (`route-rules.ts` sees to it).
 */
export function buildRoutes(routes: Readonly<Record<string, WrittenRoute>>, own: string | null): RouteOptions[] {
  return Object.keys(routes)
    .sort()
    .map((name) => routeOf(name, routes[name]!, own ?? ''));
}

function routeOf(name: string, written: WrittenRoute, own: string): RouteOptions {
  return {
    name,
    hosts: written.hosts ?? [],
    matches: (written.match ?? []).map(matchOf),
    callers: written.callers ?? [],
    order: written.order,
    action: actionOf(written, own),
    rewrite: rewriteOf(written.rewrite),
    request: changesOf(written.request),
    response: changesOf(written.response),
    mirrors: (written.mirror ?? []).map((mirror) => mirrorOf(mirror, own)),
    cors: corsOf(written.cors),
    policy: policyOf(written),
  };
}

function matchOf({ path, methods, headers, query, cookies, grpc }: WrittenMatch): RouteMatch {
  return {
    path: path === null ? null : pathOf(path),
    methods: methods ?? [],
    headers: valuesOf(headers, (name) => name.toLowerCase()),
    query: valuesOf(query, (name) => name),
    cookies: valuesOf(cookies, (name) => name),
    grpc,
  };
}

function pathOf({ exact, segments, prefix, regex }: NonNullable<WrittenMatch['path']>): PathMatch {
  if (exact !== null) return { kind: 'exact', value: exact };
  // `/a/` and `/a` are the same segments.
  if (segments !== null) return { kind: 'segments', value: segments.replace(/(?<=.)\/$/, '') };
  if (prefix !== null) return { kind: 'prefix', value: prefix };
  return { kind: 'regex', value: regex ?? '' };
}

function valuesOf(map: Readonly<Record<string, WrittenCondition>>, nameOf: (name: string) => string): ValueMatch[] {
  return Object.entries(map).map(([name, written]) => ({
    name: nameOf(name),
    match: textOf(written),
    isInverted: written.not || written.present === false,
  }));
}

function textOf(written: WrittenCondition): TextMatch {
  for (const kind of ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const) {
    const value = written[kind];
    if (value !== null) return { kind, value };
  }
  return { kind: 'present' };
}

/** The rules have seen to it that there is one, or none, which is the upstream's own. */
function actionOf({ redirect, respond, maintenance, to, split, sticky }: WrittenRoute, own: string): RouteAction {
  if (redirect !== null) {
    const { keepQuery, ...rest } = redirect;
    return { kind: 'redirect', ...rest, keepsQuery: keepQuery };
  }
  if (respond !== null) return { kind: 'respond', ...respond, grpcStatus: GRPC_STATUSES[respond.grpcStatus] };
  if (maintenance !== null) return { kind: 'maintenance', retryAfterMs: maintenance.retryAfter };
  if (split === null) return { kind: 'forward', targets: [{ ...targetOf(to, own), ...WHOLE }], sticky: null };
  const targets = split.map((share) => ({
    ...targetOf(share, own),
    weight: share.weight,
    request: changesOf(share.request),
    response: changesOf(share.response),
  }));
  return { kind: 'forward', targets, sticky: stickyOf(sticky) };
}

const WHOLE = { weight: 1, request: NO_CHANGES, response: NO_CHANGES };

function targetOf(to: WrittenTarget | null, own: string): Pick<RouteTarget, 'upstream' | 'subset'> {
  return { upstream: to?.upstream ?? own, subset: to?.subset ?? null };
}

function stickyOf(written: WrittenSticky | null): StickyOptions | null {
  if (written === null) return null;
  const { header, cookie } = written;
  if (cookie === null) return { kind: 'header', name: (header ?? '').toLowerCase() };
  return { kind: 'cookie', name: cookie.name, ttlMs: cookie.ttl, path: cookie.path };
}

function mirrorOf({ to, percent }: WrittenMirror, own: string): MirrorOptions {
  return { ...targetOf(to, own), share: Math.round(percent * SHARES_PER_PERCENT) };
}

function rewriteOf(written: WrittenRoute['rewrite']): RewriteOptions | null {
  return written;
}

function changesOf({ set, add, remove }: WrittenChanges): FieldChanges {
  const fields = Object.entries(add).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  return {
    set: Object.entries(set).map(([name, value]) => [name.toLowerCase(), value]),
    add: fields.map(([name, value]) => [name.toLowerCase(), value]),
    remove: remove.map((name) => name.toLowerCase()),
  };
}

function corsOf(written: WrittenRoute['cors']): CorsOptions | null {
  if (written === null) return null;
  const { origins, methods, headers, exposes, maxAge, credentials } = written;
  return { origins, methods, headers: headers ?? [], exposes: exposes ?? [], maxAgeMs: maxAge, credentials };
}

/** What is said, and nothing of what is not. */
function policyOf({ timeouts, retry, hash }: WrittenRoute): RoutePolicy {
  return {
    timeouts: said({
      attemptMs: timeouts.attempt,
      attemptIdleMs: timeouts.attemptIdle,
      requestMs: timeouts.request,
      streamIdleMs: timeouts.streamIdle,
      tunnelIdleMs: timeouts.tunnelIdle,
      maxDurationMs: timeouts.maxDuration,
    }),
    retry: said({
      maxAttempts: retry.maxAttempts,
      on: retry.on,
      statuses: retry.statuses,
      grpcStatuses: retry.grpcStatuses?.map((status) => GRPC_STATUSES[status]) ?? null,
      headers: retry.headers?.map(({ name, exact, prefix }) => ({ name: name.toLowerCase(), exact, prefix })) ?? null,
      grpcIdempotent: retry.grpcIdempotent,
      idempotencyKey: retry.idempotencyKey,
      maxRetryAfterMs: retry.maxRetryAfter,
      backoffMs: retry.backoff,
      maxBackoffMs: retry.maxBackoff,
      replayBytes: retry.replay,
    }),
    hash: hash === null ? null : buildHash(hash),
  };
}

type Said<T> = { readonly [K in keyof T]?: NonNullable<T[K]> };

function said<T extends object>(all: T): Said<T> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)) as Said<T>;
}
