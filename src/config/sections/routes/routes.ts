import type { z } from 'zod';
import { defaulted, section } from '../../field.ts';
import { name } from '../../values.ts';
import { actionKeys, corsKeys, rewriteKeys } from './actions.ts';
import { changes } from './fields.ts';
import { matchKeys } from './match.ts';
import { policyKeys } from './policy.ts';
import { targetKeys } from './targets.ts';
import { mapOf } from './values.ts';

/** Of a sidecar, wherever they are written. A document of so many is near the most that Consul's KV store takes. */
export const MAX_ROUTES = 10_000;

/**
 * One route: which requests, and what becomes of them. Routes are a map by name and not a list, so that documents of
 * several layers can each say some of them, and change one without writing all anew; which one counts is a matter of
 * their precedence and never of their order in a text.
 */
const routeSection = section({
  ...matchKeys,
  ...targetKeys,
  ...actionKeys,
  ...rewriteKeys,
  request: changes('Fields of requests.'),
  response: changes('Fields of answers, our own ones too.'),
  ...corsKeys,
  ...policyKeys,
});

const routes = mapOf(name(), routeSection, MAX_ROUTES, 'routes');

/** Of the shared outbound port. */
export function sharedRoutes() {
  return defaulted(
    routes,
    {},
    {
      scope: null,
      meaning: 'Where requests at the shared outbound port go, by more than their Host. See src/route/README.md.',
    },
  );
}

/** Of one upstream. */
export function upstreamRoutes() {
  return defaulted(
    routes,
    {},
    {
      scope: 'mesh',
      meaning:
        'What becomes of requests that were led here by name or port: the keys of a route, but for `hosts`. Without `to` a route leads to this upstream.',
      sameAs: 'routes',
    },
  );
}

export type WrittenRoute = z.output<typeof routeSection>;
