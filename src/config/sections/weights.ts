import { DEFAULT_FIRST } from '../../cluster/pickers/first-fit.ts';
import { DEFAULT_LEAST_REQUEST, SELECTIONS } from '../../cluster/pickers/least-request.ts';
import { DEFAULT_REPORTED_WEIGHTS } from '../../cluster/reported-weight.ts';
import { DEFAULT_SLOW_START } from '../../cluster/slow-start.ts';
import { defaulted, group, optional, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, count, decimal, duration, ratio } from '../values.ts';

const MOST_ENDPOINTS = 100_000;

const leastRequestSection = section({
  selection: defaulted(choice(SELECTIONS), DEFAULT_LEAST_REQUEST.selection, {
    scope: 'mesh',
    meaning:
      'Whether a few at random are compared or all of them. Comparing all finds the one idle endpoint among many, but takes time in proportion to the cluster, and all callers find the same one.',
  }),
  choices: defaulted(count(2, 10), DEFAULT_LEAST_REQUEST.choices, {
    scope: 'mesh',
    meaning: 'How many `two_choices` compares. Two: a third changes little.',
  }),
  bias: defaulted(decimal(0, 10), DEFAULT_LEAST_REQUEST.bias, {
    scope: 'mesh',
    meaning:
      'What requests in flight count where weights differ. At 1 they are kept in proportion to the weights. Any other number has the meaning of Envoy: turns by `weight / (active + 1) ^ bias`, so that 0 is round robin.',
  }),
});

const firstSection = section({
  maxActive: defaulted(count(1, 1_000_000), DEFAULT_FIRST.maxActive, {
    scope: 'mesh',
    meaning:
      'Requests in flight, of this sidecar, that fill an endpoint before the next is used. About what a process with some dozens of workers takes without a queue.',
  }),
});

const reportedWeightsSection = section({
  blackout: defaulted(duration({ zero: true }), formatDuration(DEFAULT_REPORTED_WEIGHTS.blackoutMs), {
    scope: 'mesh',
    meaning: 'How long an endpoint must have reported before its reports count: the first ones are of a cold process.',
  }),
  expiry: defaulted(duration({ least: 1_000 }), formatDuration(DEFAULT_REPORTED_WEIGHTS.expiryMs), {
    scope: 'mesh',
    meaning: 'How long a report counts.',
  }),
  update: defaulted(duration({ least: 100 }), formatDuration(DEFAULT_REPORTED_WEIGHTS.updateMs), {
    scope: 'mesh',
    meaning: 'How often weights are taken from the newest reports.',
  }),
  errorPenalty: defaulted(decimal(0, 100), DEFAULT_REPORTED_WEIGHTS.errorPenalty, {
    scope: 'mesh',
    meaning: 'What the share of errors adds to the utilization, times this.',
  }),
});

const slowStartSection = section({
  window: defaulted(duration({ zero: true }), formatDuration(DEFAULT_SLOW_START.windowMs), {
    scope: 'mesh',
    meaning:
      'How long an endpoint that comes, or comes back, takes to its full weight; 0 is at once. Off, since most services are as fast with their first request, and a slow start gives the rest more to do.',
  }),
  aggression: defaulted(decimal(0.1, 10), DEFAULT_SLOW_START.aggression, {
    scope: 'mesh',
    meaning: 'The shape: 1 is a straight line, more is quick at first and less is slow at first.',
  }),
  minWeight: defaulted(ratio(Number.MIN_VALUE), DEFAULT_SLOW_START.minWeight, {
    scope: 'mesh',
    meaning: 'The share of its weight that it begins with: without requests nothing gets warm.',
  }),
});

/** Keys of an upstream about shares: what the algorithms that give them go by. */
export const weightKeys = {
  leastRequest: group(leastRequestSection, 'For `least_request`.'),
  first: group(firstSection, 'For `first`.'),
  reportedWeights: group(
    reportedWeightsSection,
    "For `client_side_wrr`: weights that endpoints report in the `endpoint-load-metrics` of their answers (ORCA). The numbers are gRPC's and Envoy's.",
  ),
  slowStart: group(
    slowStartSection,
    'For endpoints that came or came back, under every balancer that gives shares (not `first`, none that hashes).',
  ),
  subsetSize: optional(count(1, MOST_ENDPOINTS), 'all endpoints', {
    scope: 'mesh',
    meaning:
      'How many endpoints this sidecar uses at most, of a very large service; each sidecar has its own, evenly spread. Not with `first` or a balancer that hashes, for which all callers must see the same.',
  }),
};
