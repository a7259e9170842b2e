import { z } from 'zod';
import { ADAPTIVE_ALGORITHMS, ADAPTIVE_MODES, DEFAULT_ADAPTIVE } from '../../policy/adaptive-options.ts';
import { CRITICALITY_NAMES } from '../../policy/criticality.ts';
import type { CriticalityOptions } from '../../policy/criticality-rule.ts';
import { DEFAULT_LIMITS, type LimitOptions } from '../../policy/options.ts';
import { defaulted, group, optional, type Scope, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, count, decimal, duration, flag, ratio } from '../values.ts';

const MOST = 1_000_000;

/** Of `limits`, what is about places in a cluster and about waiting for one. */
export function placeLimits(defaults: LimitOptions, scope: Scope) {
  return {
    maxPending: defaulted(count(0, MOST), defaults.maxPending, {
      scope,
      meaning:
        'Requests and TCP connections that may wait at once for a place, or for a connection to an endpoint; what matters most is first, then the oldest, and the newest once the oldest has waited for half of its time. 0: none waits, since behind a thousand others a request is answered later than its caller waits for it. Where `maxRequests` is what the endpoints can do, a line as long as they serve within `pendingTimeout` keeps them busy.',
    }),
    pendingTimeout: defaulted(duration(), formatDuration(defaults.pendingTimeoutMs), {
      scope,
      meaning: "How long each of them may wait. Linkerd's number for inbound traffic.",
    }),
    maxConnections: optional(count(1, MOST), `${DEFAULT_LIMITS.maxConnections}, or \`maxRequests\` when that is more`, {
      scope,
      meaning:
        "Connections to all endpoints together, TCP connections and idle ones included. Idle ones are closed to make room for others; where none is idle, requests wait or are refused. Envoy's number, and never so few that a request in flight could have none.",
    }),
  };
}

const { law, shares } = DEFAULT_ADAPTIVE;
const { gradient2, aimd } = law;

function gradient2Section(scope: Scope) {
  return section({
    window: defaulted(duration({ least: 10 }), formatDuration(gradient2.windowMs), {
      scope,
      meaning:
        'How often the limit moves at most. Netflix moves it once a second, by less than one upwards: a service that was idle would be refused for minutes before the limit has followed its load.',
    }),
    minSamples: defaulted(count(1, MOST), gradient2.minSamples, {
      scope,
      meaning: 'Answers without which it does not move.',
    }),
    smoothing: defaulted(ratio(Number.MIN_VALUE), gradient2.smoothing, {
      scope,
      meaning: 'The share of each step that is taken.',
    }),
    queueSize: defaulted(count(1, 10_000), gradient2.queueSize, {
      scope,
      meaning: 'Requests that may queue at the endpoints: what the limit grows by while none does.',
    }),
    longWindow: defaulted(count(10, 100_000), gradient2.longWindow, {
      scope,
      meaning:
        'Windows over which the latency that counts as normal is a mean. Shorter forgets sooner what it was before an overload, longer takes longer to believe that a service is slower now. Ten minutes with the default window, as Netflix has it.',
    }),
    rttTolerance: defaulted(decimal(1, 10), gradient2.rttTolerance, {
      scope,
      meaning: 'So many times the normal latency is no sign of a queue yet.',
    }),
  });
}

function aimdSection(scope: Scope) {
  return section({
    backoff: defaulted(decimal(0.1, 0.99), aimd.backoffRatio, {
      scope,
      meaning: 'What the limit is multiplied by at each refusal.',
    }),
    timeout: defaulted(duration(), formatDuration(aimd.timeoutMs), {
      scope,
      meaning: 'An answer that takes longer counts as a refusal.',
    }),
  });
}

function sharesSection(scope: Scope) {
  const share = (fallback: number, meaning: string) => defaulted(ratio(Number.MIN_VALUE), fallback, { scope, meaning });
  return section({
    critical: share(
      shares.critical,
      'Of `critical`, which is what requests are that do not say. The rest is kept for `critical_plus`: a limit that is reached is full of what was there first.',
    ),
    sheddablePlus: share(shares.sheddable_plus, 'Of `sheddable_plus`.'),
    sheddable: share(shares.sheddable, 'Of `sheddable`, which is refused first.'),
  });
}

function adaptiveSection(scope: Scope) {
  return section({
    mode: defaulted(choice(ADAPTIVE_MODES), DEFAULT_ADAPTIVE.mode, {
      scope,
      meaning:
        '`enforce`: requests above the limit wait or are refused. `observe`: the limit is learned, and what it would have refused is counted, which costs next to nothing and says whether to enforce it. `off`: nothing is learned.',
    }),
    algorithm: defaulted(choice(ADAPTIVE_ALGORITHMS), law.algorithm, {
      scope,
      meaning:
        '`gradient2`: the limit falls when answers take longer than normal, which finds the limit of endpoints that queue. `aimd`: one more with each answer, a tenth less with each refusal, for endpoints that refuse what is too much.',
    }),
    min: defaulted(count(1, MOST), law.min, {
      scope,
      meaning:
        "The limit never falls below. Netflix's 20 would leave a service without protection that takes ten at a time.",
    }),
    max: defaulted(count(1, MOST), law.max, {
      scope,
      meaning: "It never rises above. Netflix's number; a service that takes more at once needs more.",
    }),
    initial: defaulted(count(1, MOST), law.initial, { scope, meaning: "Where it begins. Netflix's number." }),
    gradient2: group(
      gradient2Section(scope),
      'For `gradient2`; the numbers are those of Netflix unless it says otherwise.',
    ),
    aimd: group(aimdSection(scope), 'For `aimd`, as Netflix has it.'),
    shares: group(sharesSection(scope), 'What requests that matter less may use of the limit, at most.'),
  });
}

const HEADER_WORDS = 'the name of a header that is not of HTTP itself';
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const OF_HTTP =
  /^(?:authorization|connection|content-.*|cookie|date|expect|forwarded|host|keep-alive|set-cookie|te|trailer|transfer-encoding|upgrade|via|proxy-.*|x-forwarded-.*|x-request-id|traceparent|tracestate|x-remora-(?!criticality$).+|x-envoy-.+|grpc-.+)$/i;

function criticalitySection(defaults: CriticalityOptions, scope: Scope, mayRaise: string) {
  const header = z
    .string({ error: HEADER_WORDS })
    .regex(TOKEN, { error: HEADER_WORDS })
    .refine((value) => !OF_HTTP.test(value), { error: HEADER_WORDS });
  return section({
    header: defaulted(header, defaults.header, {
      scope,
      meaning:
        'The field that says it. Endpoints are told in the same field what a request was held for. Of our own, so that nothing sends it by chance.',
    }),
    default: defaulted(choice(CRITICALITY_NAMES), defaults.default, {
      scope,
      meaning: 'What a request is that does not say.',
    }),
    mayRaise: defaulted(flag(), defaults.mayRaise, { scope, meaning: mayRaise }),
  });
}

/** How much is sent at once, and what first: keys of an upstream and of the inbound port. */
export function capacityKeys(criticality: CriticalityOptions, scope: Scope, mayRaise: string) {
  return {
    adaptive: group(
      adaptiveSection(scope),
      'A limit on requests in flight that is learned from how they fare, beside `limits.maxRequests`.',
    ),
    criticality: group(
      criticalitySection(criticality, scope, mayRaise),
      `How much requests matter: ${CRITICALITY_NAMES.join(', ')}. When not all have a place, what matters less is refused first.`,
    ),
  };
}
