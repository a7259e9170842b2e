import type { Config } from '../config/config.ts';
import type { PathMatch, RouteAction, RouteMatch, RouteOptions } from '../route/table/options.ts';

/** Of each list. Who has more of them asks `config show`. */
const MOST = 20;

/** Routes in a line each: of what, and to where. */
export function routeLines({ routes, upstreams }: Config): string[] {
  return [
    ...listed(routes, ''),
    ...[...upstreams.values()].flatMap(({ name, routes: own }) => listed(own, ` of ${name}`)),
  ];
}

function listed(routes: readonly RouteOptions[], whose: string): string[] {
  const lines = routes
    .slice(0, MOST)
    .map((route) => `route ${route.name}${whose}: ${subjectOf(route)} ${endOf(route.action)}`);
  const rest = routes.length - lines.length;
  return rest === 0 ? lines : [...lines, `and ${rest} more routes${whose}`];
}

function subjectOf({ hosts, matches, callers, order }: RouteOptions): string {
  const [match, ...others] = matches;
  const parts = [
    hosts.length === 0 ? '' : hosts.join(', '),
    match === undefined ? 'everything' : matchText(match),
    others.length === 0 ? '' : `or ${others.length} more`,
    callers.length === 0 ? '' : `from ${callers.join(', ')}`,
    order === 0 ? '' : `(order ${order})`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

const PATHS = { exact: '', prefix: '*', segments: '/*', regex: '' } as const;

function pathText({ kind, value }: PathMatch): string {
  if (kind === 'regex') return `~${value}`;
  return kind === 'segments' && value.endsWith('/') ? `${value}*` : `${value}${PATHS[kind]}`;
}

function matchText({ path, methods, headers, query, cookies, grpc }: RouteMatch): string {
  const more = headers.length + query.length + cookies.length;
  const call = grpc === null ? '' : `gRPC ${grpc.service ?? '*'}/${grpc.method ?? '*'}`;
  const parts = [
    methods.join('|'),
    path === null ? call : pathText(path),
    more === 0 ? '' : `with ${more} ${more === 1 ? 'condition' : 'conditions'}`,
  ];
  return parts.filter((part) => part !== '').join(' ') || 'everything';
}

function endOf(action: RouteAction): string {
  switch (action.kind) {
    case 'redirect':
      return `is redirected (${action.status})`;
    case 'respond':
      return `is answered ${action.status}`;
    case 'maintenance':
      return 'is in maintenance';
    case 'forward':
      return `to ${targetsText(action.targets)}`;
  }
}

function targetsText(targets: Extract<RouteAction, { kind: 'forward' }>['targets']): string {
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  return targets
    .map(({ upstream, subset, weight }) => {
      const name = subset === null ? upstream : `${upstream}/${subset}`;
      return targets.length === 1 ? name : `${name} ${Math.round((weight / sum) * 10_000) / 100} %`;
    })
    .join(', ');
}
