import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { RawClient } from './raw-client.ts';
import { NO_BREAKER, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a'], { orders: { breaker: NO_BREAKER } });
});

afterAll(() => scene.close());

function post(path: string, ...lines: readonly string[]): string {
  return `POST ${path} HTTP/1.1\r\nHost: orders\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

const EXPECTS = ['Expect: 100-continue', 'Content-Length: 5'];

describe('Expect: 100-continue', () => {
  it('brings the go-ahead of the endpoint, once, and then the body to it', async () => {
    const client = await RawClient.connect(scene.port);
    client.write(post('/', ...EXPECTS));
    await client.heard('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('hello');
    await client.heard('"bytes":5');
    expect(client.statuses).toEqual([100, 200]);
    client.write('GET / HTTP/1.1\r\nHost: orders\r\n\r\n');
    await client.heard('"method":"GET"');
    client.reset();
  });

  it('brings the refusal of the endpoint, and the body is not asked for', async () => {
    const client = await RawClient.ask(scene.port, post('/?expect=refuse', ...EXPECTS));
    expect(client.statuses).toEqual([417]);
    expect(client.text).toContain('not that much');
    expect(client.text).not.toContain('x-remora-failure');
  });

  it('of another kind is refused here', async () => {
    const client = await RawClient.ask(
      scene.port,
      post('/', 'Expect: the-unexpected', 'Content-Length: 5', 'X-Id: odd'),
    );
    expect(client.statuses).toEqual([417]);
    expect(client.text).toContain('x-remora-failure: expectation_failed');
    expect(scene.origins[0]!.begun).not.toContain('odd');
  });
});

it('passes early hints on before the answer, and none to HTTP/1.0', async () => {
  const client = await RawClient.connect(scene.port);
  client.write('GET /?hints HTTP/1.1\r\nHost: orders\r\n\r\n');
  await client.heard('"origin"');
  expect(client.statuses).toEqual([103, 200]);
  expect(client.text).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel=preload\r\n\r\n/i);
  client.reset();

  const old = await RawClient.ask(scene.port, 'GET /?hints HTTP/1.0\r\n\r\n');
  expect(old.statuses).toEqual([200]);
});

describe('an answer that comes while the body is still sent', () => {
  it('reaches the client whole, though it never stops sending', async () => {
    const client = await RawClient.connect(scene.port);
    client.write(post('/?early=413', 'Content-Length: 100000000'));
    const sending = setInterval(() => client.end === null && client.write('x'.repeat(10_000)), 5);
    await client.closed();
    clearInterval(sending);
    expect(client.statuses).toEqual([413]);
    expect(client.text).toContain('early\n');
    expect(client.text).toMatch(/connection: close/i);
    client.socket.destroy();
    await eventually(async () => (await scene.sidecar.metric('remora_requests_active')) === 0);
  });

  it('does not stop the body of a client that goes on to its end', async () => {
    const client = await RawClient.connect(scene.port);
    client.write(`${post('/?early=413', 'Content-Length: 10')}12345`);
    await client.heard('early\n');
    client.write('67890');
    await client.closed();
    expect(client.statuses).toEqual([413]);
  });
});
