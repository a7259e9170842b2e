import type { RoutesView } from './agent-view.ts';
import { textTable } from './text-table.ts';

/** Routes for people: one a line. */
export function routesText({ total, routes }: RoutesView): string {
  if (total === 0) return 'no routes\n';
  const rows = routes.map(({ upstream, name, hosts, match, does, requests }) => [
    upstream === null ? hosts.join(' ') || '*' : `upstream ${upstream}`,
    name,
    match,
    `-> ${does}`,
    String(requests),
  ]);
  const more = total - routes.length;
  const head = ['ASKED FOR', 'ROUTE', 'MATCHES', 'LEADS TO', 'REQUESTS'];
  return textTable([head, ...rows], '') + (more > 0 ? `and ${more} more\n` : '');
}
