import type { RoutesView, RouteView } from '../admin/agent-view.ts';
import { encodeRoute } from '../config/routes-shown.ts';
import type { Overriding } from '../route/overrides/overrides.ts';
import type { PathMatch, RouteAction, RouteMatch, RouteOptions } from '../route/table/options.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import type { RouteEntry, RouteTables } from './routes.ts';

/** More are read by programs, from where they were written. */
const MAX_SHOWN = 1_000;
/** Each is a line of every scrape. */
const MAX_COUNTED = 200;

/** Routes in force for operators, those of the shared port first. */
export function routesView({ lists }: RouteTables): RoutesView {
  const routes: RouteView[] = [];
  let total = 0;
  for (const { owner, entries } of lists) {
    total += entries.length;
    for (const entry of entries.slice(0, MAX_SHOWN - routes.length)) routes.push(routeView(owner, entry));
  }
  return { total, routes };
}

function routeView(owner: string | null, { route, lead }: RouteEntry): RouteView {
  const { name, hosts, matches, action } = route;
  return {
    upstream: owner,
    name,
    hosts,
    match: matches.length === 0 ? 'everything' : matches.map(matchWords).join(' or '),
    does: doesWords(action),
    requests: lead.count.requests,
    route: encodeRoute(route),
  };
}

const PATH_SIGNS: Record<PathMatch['kind'], (value: string) => string> = {
  exact: (value) => value,
  prefix: (value) => `${value}*`,
  segments: (value) => `${value}/...`.replace('//', '/'),
  regex: (value) => `~ ${value}`,
};

/** What is beyond path, method and call is named, and not shown. */
function matchWords({ path, methods, headers, query, cookies, grpc }: RouteMatch): string {
  const words = [
    ...(methods.length === 0 ? [] : [methods.join('|')]),
    ...(path === null ? [] : [PATH_SIGNS[path.kind](path.value)]),
    ...(grpc === null ? [] : [`grpc ${grpc.service ?? '*'}/${grpc.method ?? '*'}`]),
    ...headers.map(({ name }) => `header ${name}`),
    ...query.map(({ name }) => `query ${name}`),
    ...cookies.map(({ name }) => `cookie ${name}`),
  ];
  return words.length === 0 ? 'everything' : words.join(' ');
}

function doesWords(action: RouteAction): string {
  if (action.kind === 'redirect' || action.kind === 'respond') return `${action.kind} ${action.status}`;
  if (action.kind === 'maintenance') return 'maintenance';
  const total = action.targets.reduce((sum, { weight }) => sum + weight, 0);
  const words = action.targets.map(({ upstream, subset, weight }) => {
    const place = subset === null ? upstream : `${upstream}/${subset}`;
    return action.targets.length === 1 ? place : `${place} ${Math.round((1000 * weight) / total) / 10}%`;
  });
  return words.join(', ');
}

/** What routes look like at a scrape: the first by name each for itself, the rest as one. */
export function* routeSamples({ lists }: RouteTables, { isOn, counts }: Overriding): Generator<Sample> {
  let [shown, rest, total] = [0, 0, 0];
  for (const { owner, entries } of lists) {
    total += entries.length;
    for (const { route, lead } of entries) {
      shown += 1;
      if (shown > MAX_COUNTED) rest += lead.count.requests;
      else yield sample('remora_route_requests_total', [labelOf(owner, route)], lead.count.requests);
    }
  }
  if (shown > MAX_COUNTED) yield sample('remora_route_requests_total', ['other'], rest);
  if (total > 0) yield sample('remora_routes', [], total);
  if (!isOn) return;
  for (const result of ['taken', 'refused'] as const) yield sample('remora_overrides_total', [result], counts[result]);
}

/** No name has a slash, so an upstream's own route is never taken for one of the shared port, nor for the others. */
function labelOf(owner: string | null, { name }: RouteOptions): string {
  return `${owner ?? ''}/${name}`;
}
