import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Client, ResponseHandler, Upstream } from '../../src/http/conduit.ts';
import { DEFAULT_FALLBACK_CODES } from '../../src/policy/fallback.ts';
import type { FaultOptions } from '../../src/policy/fault.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { Exchange } from '../../src/proxy/exchange.ts';
import { Fallbacks } from '../../src/proxy/fallback.ts';
import { IGNORED_PLAN } from '../../src/proxy/observer.ts';
import type { Plan } from '../../src/proxy/plan.ts';
import { RequestMatch } from '../../src/route/request-match.ts';
import { allocatedPer } from '../support/allocated.ts';
import { ExchangeScript, PEER, requestHead, responseHead } from '../support/exchange-script.ts';

/** The smallest thing on the heap takes 12 bytes; a deoptimised moment is spread over ten thousand exchanges. */
const NOTHING = 1;

const NOWHERE: Client = {
  peer: PEER,
  sendInterim: () => undefined,
  sendHead: () => undefined,
  sendBody: () => true,
  sendEnd: () => undefined,
  sendLocal: () => undefined,
  sendRefusal: () => false,
  resume: () => undefined,
  finish: () => undefined,
};

/** Bytes of one exchange that goes well, of an endpoint that answers in the same turn. */
function bytesOf(more: Partial<Plan>): number {
  const script = new ExchangeScript({ endpoints: ['a'] });
  let handler!: ResponseHandler;
  const upstream: Upstream = {
    isReady: true,
    version: '1.1',
    isReused: true,
    bytesWritten: 100,
    sendHead: () => undefined,
    sendBody: () => true,
    sendEnd: () => undefined,
    resume: () => undefined,
    abort: () => undefined,
  };
  const acquire = (of: ResponseHandler): Upstream => {
    handler = of;
    return upstream;
  };
  Object.assign(script.endpoint('a'), { acquire });
  const { clock, observer } = script;
  const plan: Plan = { ...script.plan, observer: IGNORED_PLAN, ...more };
  const router = { route: () => plan, routeTunnel: () => null };
  const exchange = new Exchange({ clock, random: new SeededRandom(1), instanceId: '', observer }, router, NOWHERE);
  const asked = requestHead({ path: '/x' });
  const answered = responseHead(200, 'length', 4);
  const body = Buffer.from('good');
  return allocatedPer((times) => {
    for (let i = 0; i < times; i++) {
      exchange.onRequest(asked);
      exchange.onRequestEnd(null);
      handler.onHead(answered);
      handler.onBody(body);
      handler.onEnd(null);
    }
  });
}

it('costs an exchange nothing on the heap to have faults that spare it and fallbacks that it does not need', () => {
  const fault: FaultOptions = {
    effect: { kind: 'reset' },
    share: 1,
    match: { path: '/y/*', headers: [], callers: [] },
    maxActive: 1,
    untilMs: 1e15,
  };
  const drawn: FaultOptions = { ...fault, share: 0, match: { ...fault.match, path: null } };
  const answer = { status: 200, contentType: 'a/b', fields: {}, body: 'b', grpcStatus: -1, anyMethod: false };
  const options = { codes: DEFAULT_FALLBACK_CODES, statuses: [503], upstream: 'other', stale: null, answer };
  const faults = new FaultList([fault, drawn], ({ match }) => new RequestMatch(match), { now: 0, wallMs: 0 });
  const plain = bytesOf({});
  const full = bytesOf({ faults, fallback: new Fallbacks(options, () => null) });
  expect(plain).toBeGreaterThan(0);
  expect(full - plain).toBeLessThan(NOTHING);
}, 60_000);
