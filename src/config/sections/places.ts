import { z } from 'zod';
import { DEFAULT_OVERPROVISIONING } from '../../cluster/tree/options.ts';
import { defaulted, group, optional, section } from '../field.ts';
import { choice, count, label, ratio, text } from '../values.ts';
import { meta, tags } from './service.ts';

/** Each is followed for as long as its upstream is there. */
const MAX_TARGETS = 8;
const TARGETS_WORDS = `a list of at most ${MAX_TARGETS} targets`;
const SUBSET_WORDS = 'a tag, tags or meta that its endpoints have';
const TARGET_WORDS = 'a subset, a service or a datacenter to go to';

const subset = section({
  tag: optional(text('a tag'), 'none', { scope: 'mesh', meaning: 'A tag that its endpoints have.' }),
  tags: defaulted(tags(), [], { scope: 'mesh', meaning: 'Tags that its endpoints have, all of them.' }),
  meta: defaulted(meta(), {}, { scope: 'mesh', meaning: 'Metadata that its endpoints have.' }),
}).refine(({ tag, tags, meta }) => tag !== null || tags.length > 0 || Object.keys(meta).length > 0, {
  error: SUBSET_WORDS,
});

const target = section({
  subset: optional(label(), "the upstream's; none for another service", {
    scope: 'mesh',
    meaning: 'A name of `subsets`.',
  }),
  service: optional(text('the name of a service'), "the upstream's", {
    scope: 'mesh',
    meaning: "Another service. The upstream's `tag` and `filter` do not hold for it.",
  }),
  datacenter: optional(text('the name of a datacenter'), "the upstream's", {
    scope: 'mesh',
    meaning: 'Another Consul datacenter.',
  }),
}).refine((it) => it.subset !== null || it.service !== null || it.datacenter !== null, { error: TARGET_WORDS });

function overprovisioning() {
  const error = 'a number from 1 to 10';
  return z.number({ error }).min(1, { error }).max(10, { error });
}

/** Which endpoints an upstream has, and which of them are asked first. */
export const placeKeys = {
  subsets: defaulted(
    z.record(label(), subset, { error: 'a map of subsets' }),
    {},
    {
      scope: 'mesh',
      meaning: 'Names for parts of the service, for `subset` and `failover`.',
    },
  ),
  subset: optional(label(), 'all endpoints', { scope: 'mesh', meaning: 'The part of the service that is called.' }),
  failover: defaulted(z.array(target, { error: TARGETS_WORDS }).max(MAX_TARGETS, { error: TARGETS_WORDS }), [], {
    scope: 'mesh',
    meaning: 'Where to go, in this order, when too few endpoints are healthy.',
  }),
  zones: group(
    section({
      mode: optional(choice(['off', 'prefer']), '`prefer`, where the own zone is known', {
        scope: 'mesh',
        meaning:
          'Stay in the own zone as far as it has room for its callers. Balancers that hash know no zones, since all sidecars must agree on a key.',
      }),
      minEndpoints: defaulted(count(1, 65_535), 6, {
        scope: 'mesh',
        meaning:
          "With fewer healthy endpoints zones are not looked at: one of them is too large a part of a zone's traffic then. Envoy's number.",
      }),
    }),
    'How traffic is spread over zones.',
  ),
  panic: defaulted(ratio(0), 0, {
    scope: 'mesh',
    meaning:
      'When a smaller part of a level is healthy, health is not believed and all of it is used but maintenance. 0 as Consul has it for its own Envoys: a level that is nearly down hands over to the next. Without it, too, critical endpoints are used when there is nobody else.',
  }),
  overprovisioning: defaulted(overprovisioning(), DEFAULT_OVERPROVISIONING, {
    scope: 'mesh',
    meaning:
      "A level takes all traffic while its healthy part times this is at least 1, and hands over the rest below that. Envoy's default: with 1.4 a level does without 28 % of its endpoints.",
  }),
};
