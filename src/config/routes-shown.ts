import { GRPC_STATUS_NAMES } from '../http/grpc-status.ts';
import type { FieldChanges, RouteAction, RouteMatch, RouteOptions, ValueMatch } from '../route/table/options.ts';
import { encodeHash } from './hash.ts';
import { formatDuration, formatSize } from './units.ts';

/** Routes as the file would say them. Nulls are left out by whoever shows them; what is empty is left out here. */
export function encodeRoutes(routes: readonly RouteOptions[]): unknown {
  return Object.fromEntries(routes.map((route) => [route.name, encodeRoute(route)]));
}

export function encodeRoute(route: RouteOptions): object {
  const { hosts, matches, callers, order, action, rewrite, request, response, mirrors, cors, policy } = route;
  return present({
    hosts: unlessEmpty(hosts),
    match: unlessEmpty(matches.map(encodeMatch)),
    callers: unlessEmpty(callers),
    order: order === 0 ? null : order,
    ...encodeAction(action),
    rewrite: rewrite === null ? null : present(rewrite),
    request: encodeChanges(request),
    response: encodeChanges(response),
    mirror: unlessEmpty(
      mirrors.map(({ upstream, subset, share }) => ({ to: present({ upstream, subset }), percent: share / 100 })),
    ),
    cors: encodeCors(cors),
    ...encodePolicy(policy),
  });
}

function encodeMatch({ path, methods, headers, query, cookies, grpc }: RouteMatch): object {
  return present({
    path: path === null ? null : { [path.kind]: path.value },
    methods: unlessEmpty(methods),
    headers: encodeValues(headers),
    query: encodeValues(query),
    cookies: encodeValues(cookies),
    grpc: grpc === null ? null : present(grpc),
  });
}

function encodeValues(values: readonly ValueMatch[]): object | null {
  if (values.length === 0) return null;
  return Object.fromEntries(values.map(({ name, match, isInverted }) => [name, encodeValue(match, isInverted)]));
}

function encodeValue(match: ValueMatch['match'], isInverted: boolean): object {
  if (match.kind === 'present') return { present: !isInverted };
  return { [match.kind]: match.value, ...(isInverted ? { not: true } : {}) };
}

function encodeAction(action: RouteAction): object {
  switch (action.kind) {
    case 'redirect': {
      const { kind: _kind, keepsQuery, ...rest } = action;
      return { redirect: present({ ...rest, keepQuery: keepsQuery }) };
    }
    case 'respond': {
      const { kind: _kind, grpcStatus, ...rest } = action;
      return { respond: { ...rest, grpcStatus: GRPC_STATUS_NAMES[grpcStatus] } };
    }
    case 'maintenance':
      return { maintenance: { retryAfter: formatDuration(action.retryAfterMs) } };
    case 'forward':
      return encodeForward(action);
  }
}

function encodeForward({ targets, sticky }: Extract<RouteAction, { kind: 'forward' }>): object {
  const [only, second] = targets;
  if (only !== undefined && second === undefined && sticky === null) {
    return { to: present({ upstream: only.upstream, subset: only.subset }) };
  }
  const split = targets.map(({ upstream, subset, weight, request, response }) =>
    present({ upstream, subset, weight, request: encodeChanges(request), response: encodeChanges(response) }),
  );
  if (sticky === null) return { split };
  if (sticky.kind === 'header') return { split, sticky: { header: sticky.name } };
  const { name, ttlMs, path } = sticky;
  return { split, sticky: { cookie: present({ name, ttl: durationOf(ttlMs), path }) } };
}

function encodeChanges({ set, add, remove }: FieldChanges): object | null {
  if (set.length + add.length + remove.length === 0) return null;
  const added = new Map<string, string[]>();
  for (const [name, value] of add) added.set(name, [...(added.get(name) ?? []), value]);
  return { set: Object.fromEntries(set), add: Object.fromEntries(added), remove };
}

function encodeCors(cors: RouteOptions['cors']): object | null {
  if (cors === null) return null;
  const { origins, methods, headers, exposes, maxAgeMs, credentials } = cors;
  return present({
    origins,
    methods,
    headers: unlessEmpty(headers),
    exposes: unlessEmpty(exposes),
    maxAge: durationOf(maxAgeMs),
    credentials,
  });
}

function encodePolicy({ timeouts, retry, hash }: RouteOptions['policy']): object {
  return {
    timeouts: unlessBare({
      attempt: durationOf(timeouts.attemptMs),
      attemptIdle: durationOf(timeouts.attemptIdleMs),
      request: durationOf(timeouts.requestMs),
      streamIdle: durationOf(timeouts.streamIdleMs),
      tunnelIdle: durationOf(timeouts.tunnelIdleMs),
      maxDuration: durationOf(timeouts.maxDurationMs),
    }),
    retry: unlessBare({
      maxAttempts: retry.maxAttempts,
      on: retry.on,
      statuses: retry.statuses,
      grpcStatuses: retry.grpcStatuses?.map((status) => GRPC_STATUS_NAMES[status]),
      headers: retry.headers?.map(present),
      grpcIdempotent: retry.grpcIdempotent,
      idempotencyKey: retry.idempotencyKey,
      maxRetryAfter: durationOf(retry.maxRetryAfterMs),
      backoff: durationOf(retry.backoffMs),
      maxBackoff: durationOf(retry.maxBackoffMs),
      replay: retry.replayBytes === undefined ? null : formatSize(retry.replayBytes),
    }),
    hash: hash === null ? null : encodeHash(hash),
  };
}

function durationOf(ms: number | null | undefined): string | null {
  return ms == null ? null : formatDuration(ms);
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function unlessBare(map: object): object | null {
  const rest = present(map);
  return Object.keys(rest).length === 0 ? null : rest;
}

function present(map: object): object {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value != null));
}
