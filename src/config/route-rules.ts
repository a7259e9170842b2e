import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import { patternRules } from './pattern-rules.ts';
import { type Destination, destinationsOf, type Placed, placedRoutes } from './placed-routes.ts';
import { matchRules } from './route-match-rules.ts';
import { routePolicyRules } from './route-policy-rules.ts';
import { substitutionRules } from './route-substitution-rules.ts';
import type { Written } from './schema.ts';
import { MAX_ROUTES } from './sections/routes/routes.ts';

/** What the keys of a route must not say together, and what they must not say of upstreams. */
export function routeRules(config: Written, merged: unknown): Contradiction[] {
  const routes = placedRoutes(config);
  return [
    ...tooMany(routes),
    ...patternRules(routes),
    ...substitutionRules(routes),
    ...routes.flatMap((placed) => [
      ...oneAction(placed),
      ...hostsOfUpstream(config, placed),
      ...beside(placed),
      ...split(placed),
      ...destinationsOf(placed, merged).flatMap((destination) => destinationRules(config, destination)),
      ...matchRules(config, placed, merged),
      ...routePolicyRules(config, placed, merged),
    ]),
  ];
}

/** Each entry of a table is a route with one of its hosts and one of its matches. */
const MAX_ENTRIES = 100_000;

function tooMany(routes: readonly Placed[]): Contradiction[] {
  const entries = routes.reduce((sum, { route }) => sum + (route.hosts?.length ?? 1) * (route.match?.length ?? 1), 0);
  if (routes.length <= MAX_ROUTES && entries <= MAX_ENTRIES) return [];
  const found = `${routes.length} routes, with ${entries} pairs of a host and a match`;
  const expected = `at most ${MAX_ROUTES} in all upstreams and on the shared port, with ${MAX_ENTRIES} pairs`;
  return [contradiction(routes[0]!.path.slice(0, -1), found, expected, null, [], 'key')];
}

const ACTIONS = ['to', 'split', 'redirect', 'respond', 'maintenance'] as const;

function oneAction({ path, route, own }: Placed): Contradiction[] {
  const [first, ...others] = ACTIONS.filter((key) => route[key] !== null);
  if (first === undefined) {
    const expected = 'to, split, redirect, respond or maintenance in it';
    const concerns = ACTIONS.map((key) => [...path, key]);
    return own === null ? [contradiction(path, 'a route that leads nowhere', expected, null, concerns, 'key')] : [];
  }
  return others.map((key) =>
    contradiction([...path, key], `${key} beside ${first}`, 'one of them', null, [[...path, first]], 'key'),
  );
}

function hostsOfUpstream({ upstreams }: Written, { path, route, own }: Placed): Contradiction[] {
  if (own === null) return [];
  const protocol = upstreams[own]!.protocol;
  const found: Contradiction[] = [];
  if (route.hosts !== null) {
    const expected = 'no hosts: what comes here was led by the name or port of its upstream';
    found.push(contradiction([...path, 'hosts'], 'hosts in a route of an upstream', expected, null, [], 'key'));
  }
  if (protocol === 'tcp') {
    const expected = 'no routes: opaque bytes are not looked at';
    const concerns = [['upstreams', own, 'protocol']];
    found.push(contradiction(path, 'a route for protocol tcp', expected, null, concerns, 'key'));
  }
  return found;
}

/** Answers that are a head alone: what is written behind one would be sent to nobody. */
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

/** What is done to requests that are sent, where none is. */
function beside({ path, route }: Placed): Contradiction[] {
  const answer = (['redirect', 'respond', 'maintenance'] as const).find((key) => route[key] !== null);
  const found: Contradiction[] = [];
  if (answer !== undefined) {
    const { request } = route;
    const changes = Object.keys(request.set).length + Object.keys(request.add).length + request.remove.length;
    const isSaid = (key: 'timeouts' | 'retry'): boolean => Object.values(route[key]).some((value) => value !== null);
    const idle = [
      ...(['rewrite', 'mirror', 'hash'] as const).filter((key) => route[key] !== null),
      ...(['timeouts', 'retry'] as const).filter(isSaid),
      ...(changes > 0 ? ['request'] : []),
    ];
    const expected = `no ${answer}, since what is answered here is sent to nobody`;
    found.push(
      ...idle.map((key) =>
        contradiction([...path, key], `${key} beside ${answer}`, expected, null, [[...path, answer]], 'key'),
      ),
    );
  }
  if (route.sticky !== null && route.split === null) {
    const concerns = [[...path, 'split']];
    found.push(contradiction([...path, 'sticky'], 'sticky without split', 'split beside it', null, concerns, 'key'));
  }
  if (route.respond !== null && route.respond.body !== '' && WITHOUT_BODY.includes(route.respond.status)) {
    const at = [...path, 'respond'];
    const said = `a body for status ${route.respond.status}`;
    found.push(contradiction([...at, 'body'], said, 'no body, or a status that has one', null, [[...at, 'status']]));
  }
  if (route.cors !== null && route.cors.credentials && route.cors.origins.includes('*')) {
    const at = [...path, 'cors'];
    const expected = 'the origins that are meant, since no page at all may have them all';
    found.push(contradiction([...at, 'origins'], '* with credentials', expected, null, [[...at, 'credentials']]));
  }
  if (route.cors?.credentials && route.cors.exposes?.includes('*')) {
    const at = [...path, 'cors'];
    const expected = 'the headers by name, since browsers take it for the name of one';
    found.push(contradiction([...at, 'exposes'], '* with credentials', expected, null, [[...at, 'credentials']]));
  }
  return found;
}

function split({ path, route }: Placed): Contradiction[] {
  const shares = route.split ?? [];
  const at = [...path, 'split'];
  if (shares.length > 0 && shares.every(({ weight }) => weight === 0)) {
    return [contradiction(at, 'weights that are all 0', 'a weight above 0', null, [], 'key')];
  }
  const meant = shares.map(({ upstream, subset }) => JSON.stringify([upstream, subset]));
  return meant.flatMap((one, index) => {
    const first = meant.indexOf(one);
    if (first === index) return [];
    return [contradiction([...at, index], `what split[${first}] says`, 'each part once', null, [[...at, first]])];
  });
}

function destinationRules({ upstreams }: Written, { upstream, subset, at }: Destination): Contradiction[] {
  const named = valueIs(at, 'to') || at.includes('split') || at.includes('mirror') ? at : [...at, 'upstream'];
  if (upstream === '') {
    const expected = 'upstream beside it: routes of the shared port have none of their own';
    return [contradiction(at, 'a subset without an upstream', expected, null, [[...at, 'upstream']])];
  }
  if (!Object.hasOwn(upstreams, upstream)) return [];
  const { protocol, subsets, roles, shards, failover, service } = upstreams[upstream]!;
  const path = ['upstreams', upstream];
  if (protocol === 'tcp') {
    const found = `upstream ${upstream} of protocol tcp`;
    return [contradiction(named, found, 'an upstream that speaks HTTP', null, [[...path, 'protocol']])];
  }
  if (subset === null) return [];
  const subsetAt = [...at, 'subset'];
  if (!Object.hasOwn(subsets, subset)) {
    const known = Object.keys(subsets);
    const expected =
      known.length === 0 ? `a name of upstreams.${upstream}.subsets, which is empty` : `one of ${known.join(', ')}`;
    return [contradiction(subsetAt, JSON.stringify(subset), expected, null, [[...path, 'subsets']])];
  }
  const parted = roles !== null ? 'roles' : shards !== null ? 'shards' : null;
  if (parted === null) {
    // All endpoints of the service are its first level then, and none is left for another.
    const at = failover.findIndex((target) => {
      const isHere = (target.service ?? upstream) === (service ?? upstream) && target.datacenter === null;
      return target.subset !== null && isHere;
    });
    if (at < 0) return [];
    const expected = `an upstream whose failover names no subset of the same service; make an upstream of its own of ${subset}`;
    const concerns = [[...path, 'failover', at, 'subset']];
    return [contradiction(subsetAt, 'a subset of an upstream that fails over to a subset', expected, null, concerns)];
  }
  const expected = `an upstream without ${parted}, whose own parts a subset would cut through`;
  return [contradiction(subsetAt, `a subset of an upstream with ${parted}`, expected, null, [[...path, parted]])];
}

function valueIs(at: Path, key: string): boolean {
  return at.at(-1) === key;
}
