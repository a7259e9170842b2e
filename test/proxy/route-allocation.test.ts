import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Client, ResponseHandler, Upstream } from '../../src/http/conduit.ts';
import { Exchange } from '../../src/proxy/exchange.ts';
import { IGNORED_PLAN } from '../../src/proxy/observer.ts';
import { MirrorCrowd } from '../../src/proxy/places/mirror-crowd.ts';
import { RouteMirrors } from '../../src/proxy/places/route-mirrors.ts';
import type { Plan } from '../../src/proxy/plan.ts';
import { makeEffects } from '../../src/route/effects/effects.ts';
import type { RouteOptions } from '../../src/route/table/options.ts';
import { allocatedPer } from '../support/allocated.ts';
import { ExchangeScript, PEER, requestHead, responseHead } from '../support/exchange-script.ts';
import { changes, matchOf, routeOf } from '../support/route.ts';

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

/** Two strings of a path, one a slice and one that is joined to it. */
const A_PATH = 120;

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

function led(route: Partial<RouteOptions>): number {
  return bytesOf({ effects: makeEffects(routeOf(route), null) });
}

it('costs an exchange nothing on the heap to be led by a route, whatever constant fields it changes', () => {
  const plain = bytesOf({});
  const fields = changes({ set: [['x-part', '%route%']], add: [['x-tag', 'a']], remove: ['x-forwarded-for', 'x-b'] });
  const cors = { origins: ['https://a.b'], methods: [], headers: [], exposes: [], maxAgeMs: null, credentials: true };
  expect(plain).toBeGreaterThan(0);
  expect(led({}) - plain).toBeLessThan(NOTHING);
  expect(
    led({ request: fields, response: fields, rewrite: { host: 'h', path: null, prefix: null, regex: null }, cors }) -
      plain,
  ).toBeLessThan(NOTHING);
}, 120_000);

it('costs a share of mirrors nothing that an exchange is not part of', () => {
  const mirrors = RouteMirrors.of('a', [{ share: 0, plan: null }], new MirrorCrowd());
  const unlikely = RouteMirrors.of('a', [{ share: 1e-9, plan: null }], new MirrorCrowd());
  const plain = bytesOf({});
  expect(bytesOf({ mirrors }) - plain).toBeLessThan(NOTHING);
  expect(bytesOf({ mirrors: unlikely }) - plain).toBeLessThan(NOTHING);
}, 120_000);

it('costs a rewritten path the strings that it is made of', () => {
  const rewrite = { host: null, path: null, prefix: '/api', regex: null };
  const bytes = led({ matches: [matchOf({ kind: 'segments', value: '/x' })], rewrite }) - bytesOf({});
  expect(bytes).toBeLessThan(A_PATH);
}, 120_000);
