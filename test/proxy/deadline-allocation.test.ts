import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Client, ResponseHandler, Upstream } from '../../src/http/conduit.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { Exchange } from '../../src/proxy/exchange.ts';
import { IGNORED_PLAN } from '../../src/proxy/observer.ts';
import { mostlyAllocatedPer } from '../support/allocated.ts';
import { ExchangeScript, PEER, requestHead, responseHead } from '../support/exchange-script.ts';

/** The smallest thing on the heap takes 12 bytes. */
const NOTHING = 1;
const TIMEOUT_MS = 120_000;
const FIELDS = { 'x-request-id': '1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' };

/** A head that is asked without making anything, as one that was read from a connection is not. */
function head(fields: Readonly<Record<string, string>>): RequestHead {
  const values = new Map(Object.entries({ ...FIELDS, ...fields }));
  const get = (name: string) => values.get(name) ?? null;
  return Object.assign(requestHead(), { get, count: (name: string) => (values.has(name) ? 1 : 0) });
}

class QuietUpstream implements Upstream {
  readonly isReady = true;
  readonly isReused = true;
  readonly version = '1.1';
  readonly bytesWritten = 0;
  sendHead(): void {}
  sendBody(): boolean {
    return true;
  }
  sendEnd(): void {}
  resume(): void {}
  abort(): void {}
}

class QuietClient implements Client {
  readonly peer = PEER;
  sendInterim(): void {}
  sendHead(): void {}
  sendBody(): boolean {
    return true;
  }
  sendEnd(): void {}
  sendLocal(): void {
    throw new Error('every request is answered by its endpoint');
  }
  sendRefusal(): boolean {
    return false;
  }
  resume(): void {}
  finish(): void {}
}

/** Of one exchange with a request of these fields. */
function allocatedWith(timeouts: object, fields: Readonly<Record<string, string>>): number {
  const script = new ExchangeScript({ endpoints: ['a'], timeouts });
  const { clock, router, observer } = script;
  Object.assign(script.plan, { observer: IGNORED_PLAN });
  let handler!: ResponseHandler;
  const upstream = new QuietUpstream();
  script.endpoint('a').acquire = (asking) => {
    handler = asking;
    return upstream;
  };
  const context = { clock, random: new SeededRandom(3), instanceId: '0123456789abcdef', observer };
  const exchange = new Exchange(context, router, new QuietClient());
  const asked = head(fields);
  const answer = Object.assign(responseHead(200), { get: () => null, count: () => 0 });
  return mostlyAllocatedPer((times) => {
    for (let i = 0; i < times; i++) {
      exchange.onRequest(asked);
      exchange.onRequestEnd(null);
      handler.onHead(answer);
      handler.onEnd(null);
    }
  });
}

it(
  'allocates nothing more for a request with a deadline, of its plan or of its caller',
  () => {
    const none = { requestMs: 0, attemptMs: 0 };
    const bare = allocatedWith(none, {});
    const said = { 'x-remora-deadline-ms': '9000', 'x-envoy-upstream-rq-timeout-ms': '8000' };
    const bounds = { attemptIdleMs: 500, maxDurationMs: 60_000 };
    expect(allocatedWith(bounds, said) - bare).toBeLessThan(NOTHING);
  },
  TIMEOUT_MS,
);
