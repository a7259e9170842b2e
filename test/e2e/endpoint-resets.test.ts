import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Load, sendOne } from './load.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  // The breaker has a file of its own; here each failure is looked at alone.
  scene = await Scene.start(['a', 'b'], { orders: { breaker: NO_BREAKER } });
});

afterAll(() => scene.close());

beforeEach(() => Promise.all(scene.origins.map((origin) => origin.mode(''))));

function timesBegun(id: string): number {
  return scene.origins.flatMap(({ begun }) => begun).filter((other) => other === id).length;
}

/** What an origin writes down may be read here after its caller has the end of it. */
async function wasBegunOnce(id: string): Promise<void> {
  await eventually(() => timesBegun(id) > 0);
  expect(timesBegun(id)).toBe(1);
}

/** Of a GET that says how its answer is to be cut; the bytes the client heard until the end. */
async function hear(id: string, path: string, version = '1.1'): Promise<RawClient> {
  return RawClient.ask(scene.port, `GET ${path} HTTP/${version}\r\nHost: orders\r\nX-Id: ${id}\r\n\r\n`);
}

describe.each([
  ['a reset', 'reset'],
  ['a close', 'close'],
])('an endpoint that answers with %s', (_, how) => {
  it('before the head costs no GET, under load', async () => {
    await scene.origins[0]!.mode(`${how}=before`);
    // Half of the requests fail at first: as many as the retry budget is made to carry.
    const load = new Load(scene.port, { perSecond: 15 });
    await load.progress(25);
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(load.results.every(({ origin }) => origin === 'b')).toBe(true);
  });

  it('before the head fails a POST with 502, and it is sent once', async () => {
    await Promise.all(scene.origins.map((origin) => origin.mode(`${how}=before`)));
    // On a connection that was used before it would be called stale.
    await Promise.all(scene.origins.map((origin) => origin.hangUp()));
    await eventually(async () => (await scene.sidecar.metric('remora_upstream_connections')) === 0);
    const id = `post-${how}`;
    const { status, failure } = await sendOne(scene.port, id, 'POST', { body: 'once' });
    expect([status, failure]).toEqual([502, 'upstream_reset']);
    await wasBegunOnce(id);
  });

  it('in the middle of a body of known length shows the client that it is cut', async () => {
    const id = `length-${how}`;
    const { text, statuses } = await hear(id, `/?${how}=middle`);
    expect(statuses).toEqual([200]);
    expect(text).toMatch(/content-length: 2000/i);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4).length).toBeLessThan(2000);
    await wasBegunOnce(id);
  });

  it('in the middle of a chunked body shows the client that it is cut', async () => {
    const id = `chunked-${how}`;
    const { text, statuses } = await hear(id, `/?${how}=middle&chunked`);
    expect(statuses).toEqual([200]);
    expect(text).not.toMatch(/\r\n0\r\n/);
    await wasBegunOnce(id);
  });

  it('in the middle of a body whose end is the end of the connection resets it', async () => {
    const id = `to-1.0-${how}`;
    const { end } = await hear(id, `/?${how}=middle&chunked`, '1.0');
    expect(end).toBe('reset');
    await wasBegunOnce(id);
  });

  it('in the middle of a body that its own close would end shows the client that it is cut', async () => {
    const id = `until-${how}`;
    const { text, statuses } = await hear(id, '/?reset=middle&until=close');
    expect(statuses).toEqual([200]);
    expect(text).not.toMatch(/\r\n0\r\n/);
    await wasBegunOnce(id);
  });

  it('before the head is not tried again on the inbound port', async () => {
    await scene.origins[0]!.mode(`${how}=before`);
    const id = `inbound-${how}`;
    const { status } = await sendOne(scene.sidecar.port('inbound'), id, 'GET');
    expect(status).toBe(502);
    await wasBegunOnce(id);
  });
});
