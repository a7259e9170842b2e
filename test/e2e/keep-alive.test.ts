import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { RawClient } from './raw-client.ts';
import { Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a']);
});

afterAll(() => scene.close());

const HOST = 'Host: orders\r\n';

/** Targets in the order in which their answers came. */
function answeredTargets(client: RawClient): string[] {
  return [...client.text.matchAll(/"url":"([^"]*)"/g)].map(([, target]) => target!);
}

describe('a client connection', () => {
  it('carries requests one after another', async () => {
    const client = await RawClient.connect(scene.port);
    for (const n of [1, 2, 3]) {
      client.write(`GET /${n} HTTP/1.1\r\n${HOST}\r\n`);
      await client.heard('"origin"', n);
    }
    expect(client.statuses).toEqual([200, 200, 200]);
    client.finish();
    expect(await client.closed()).toBe('fin');
  });

  it('answers what was sent ahead in order, a slow one first and bodies between', async () => {
    const targets = ['/1?delay=300', '/2', '/3', '/4?delay=50', '/5'];
    const bodies = targets.map((_, i) => (i % 2 === 0 ? '' : `body ${i}`));
    const client = await RawClient.connect(scene.port);
    client.write(
      targets
        .map((target, i) => `PUT ${target} HTTP/1.1\r\n${HOST}Content-Length: ${bodies[i]!.length}\r\n\r\n${bodies[i]}`)
        .join(''),
    );
    await client.heard('"origin"', targets.length);
    expect(answeredTargets(client)).toEqual(targets);
    client.reset();
  });

  it('gives the answer to a client that has said all it will say', async () => {
    const client = await RawClient.connect(scene.port);
    client.write(`GET /1?delay=200 HTTP/1.1\r\n${HOST}\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`);
    client.finish();
    expect(await client.closed()).toBe('fin');
    expect(answeredTargets(client)).toEqual(['/1?delay=200', '/2']);
  });

  it('ends the request at the endpoint when the client resets it', async () => {
    const origin = scene.origins[0]!;
    const client = await RawClient.connect(scene.port);
    client.write(`GET /?hold HTTP/1.1\r\n${HOST}X-Id: left\r\n\r\n`);
    await eventually(() => origin.begun.includes('left'));
    client.reset();
    await eventually(() => origin.gone.has('left'));
    await origin.release();
    await eventually(
      async () => (await scene.sidecar.metric('remora_requests_total', { failure: 'client_gone' })) === 1,
    );
  });

  it('ends the request at the endpoint when the client leaves in the middle of its body', async () => {
    const origin = scene.origins[0]!;
    const client = await RawClient.connect(scene.port);
    client.write(`POST / HTTP/1.1\r\n${HOST}X-Id: half\r\nContent-Length: 100\r\n\r\nhalf`);
    await eventually(() => origin.begun.includes('half'));
    client.finish();
    await eventually(() => origin.gone.has('half'));
    expect(origin.answered.has('half')).toBe(false);
  });

  it('is closed after an answer to HTTP/1.0, and kept when the client asks for it', async () => {
    const once = await RawClient.ask(scene.port, `GET /1 HTTP/1.0\r\n${HOST}\r\n`);
    expect(answeredTargets(once)).toEqual(['/1']);

    const kept = await RawClient.connect(scene.port);
    for (const n of [1, 2]) {
      kept.write(`GET /${n} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
      await kept.heard('"origin"', n);
    }
    expect(kept.text).toMatch(/connection: keep-alive/i);
    expect(kept.text).toContain('"httpVersion":"1.1"');
    kept.reset();
  });

  it('frames by its own end a chunked answer to HTTP/1.0', async () => {
    const { text, end } = await RawClient.ask(scene.port, 'GET /?bytes=10&chunked HTTP/1.0\r\n\r\n');
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('0 remora 0');
    expect(end).toBe('fin');
  });

  it('is closed after an answer when the client says so', async () => {
    const client = await RawClient.ask(scene.port, `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    expect(client.statuses).toEqual([200]);
    expect(client.text).toMatch(/connection: close/i);
  });

  it('stays when an endpoint ends its answer by closing', async () => {
    const client = await RawClient.connect(scene.port);
    client.write(`GET /?until=close HTTP/1.1\r\n${HOST}\r\n`);
    await client.heard('\r\n0\r\n\r\n');
    client.write(`GET /after HTTP/1.1\r\n${HOST}\r\n`);
    await client.heard('"url":"/after"');
    expect(client.text).toContain('until the very end');
    client.reset();
  });
});

describe('an answer without a body', () => {
  it.each([
    ['HEAD', '/'],
    ['HEAD', '/?bytes=1000&chunked'],
    ['GET', '/?status=204'],
    ['GET', '/?status=304'],
  ])('%s %s leaves the connection in order for the next', async (method, target) => {
    const client = await RawClient.connect(scene.port);
    client.write(`${method} ${target} HTTP/1.1\r\n${HOST}\r\nGET /next HTTP/1.1\r\n${HOST}\r\n`);
    await client.heard('"url":"/next"');
    expect(client.statuses).toEqual([Number(/status=(\d+)/.exec(target)?.[1] ?? 200), 200]);
    const [first] = client.text.split('\r\n\r\n', 1);
    if (target === '/') expect(first).toMatch(/content-length: [1-9]/i);
    client.reset();
  });
});
